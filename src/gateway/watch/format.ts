/** How a stream is written. */
import type { NumberedEvent } from './cursor.ts';

export interface StreamFormat {
  readonly form: 'sse' | 'ndjson';
  readonly contentType: string;
  /** What goes before the JSON of an event, how much of that is left out, and what goes after it. */
  frame(
    event: string,
    id: string | null,
  ): { readonly before: string; readonly jsonFrom: number; readonly after: string };
  /** Says that nothing is wrong though nothing happens; empty where bookmarks say so. */
  readonly heartbeat: string;
  /** When to come back after the end. */
  retry(milliseconds: number): string;
}

/** The form of server-sent events that browsers read. */
export const sse: StreamFormat = {
  form: 'sse',
  contentType: 'text/event-stream',
  frame: (event, id) => ({
    before: `${id === null ? '' : `id: ${id}\n`}event: ${event}\ndata: `,
    jsonFrom: 0,
    after: '\n\n',
  }),
  heartbeat: ': heartbeat\n\n',
  retry: (milliseconds) => `retry: ${milliseconds}\n\n`,
};

/** One object on each line, with its event and id. */
export const ndjson: StreamFormat = {
  form: 'ndjson',
  contentType: 'application/x-ndjson',
  frame: (event, id) => ({
    before: `{"event":"${event}",${id === null ? '' : `"id":"${id}",`}`,
    // The brace that `before` has opened already.
    jsonFrom: 1,
    after: '\n',
  }),
  heartbeat: '',
  retry: () => '',
};

/** In pieces: the JSON is not copied. */
export function framesOf(format: StreamFormat, events: readonly NumberedEvent[]): Buffer[] {
  return events.flatMap(({ event, id }) => {
    const { before, jsonFrom, after } = format.frame(event.type, id);
    return [Buffer.from(before), event.json.subarray(jsonFrom), Buffer.from(after)];
  });
}

/** `members`: one at least. */
export function noticeOf(format: StreamFormat, event: string, id: string | null, members: object): string {
  const { before, jsonFrom, after } = format.frame(event, id);
  return before + JSON.stringify(members).slice(jsonFrom) + after;
}
