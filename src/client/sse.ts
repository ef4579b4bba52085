/** Server-sent events, as gateways write them. */

export interface ServerEvent {
  /** `message` where it has no name. */
  readonly name: string;
  /** Null where it has none. */
  readonly id: string | null;
  readonly data: string;
}

/** A change is at most 1 MiB, in base64 or escaped it is longer. */
const charactersMax = 16 * 1024 * 1024;

/** Throws RangeError where an event is longer than any can be. */
export class EventParser {
  readonly #decoder = new TextDecoder();
  #rest = '';

  /** The events that are whole once these bytes have come. Comments are none. */
  take(bytes: Uint8Array): readonly ServerEvent[] {
    const text = this.#rest + this.#decoder.decode(bytes, { stream: true });
    const blocks = text.split('\n\n');
    this.#rest = blocks.pop() ?? '';
    if (this.#rest.length > charactersMax) throw new RangeError('an event of a watch is longer than any can be');
    return blocks.flatMap(eventOf);
  }
}

function eventOf(block: string): readonly ServerEvent[] {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    fields.set(line.slice(0, colon), line.slice(colon + 1).replace(/^ /, ''));
  }
  const data = fields.get('data');
  if (data === undefined) return [];
  return [{ name: fields.get('event') ?? 'message', id: fields.get('id') ?? null, data }];
}
