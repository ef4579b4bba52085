/** The answer to who asks for documents or keys on conditions: all of it, or that it is what the client has. */
import type { Answer } from './answer.ts';
import { HttpProblem, problemAnswer } from './errors.ts';
import type { Share } from './in-flight.ts';
import { evaluateWeakly, type TagCondition, weakTag } from './preconditions.ts';
import { type ReadRequest, revalidate } from './reads.ts';

export interface Shown {
  /** The JSON document begins with it; ASCII, and another one at each revision. */
  readonly start: string;
  readonly rest: Buffer | string;
  /** Of `rest`, opaque. */
  readonly tag: string;
}

/** `what`: as messages say it. `readHeaders`: those of the reading. */
export function conditionalAnswer(
  what: 'list' | 'search',
  { method }: ReadRequest,
  share: Share,
  condition: TagCondition,
  readHeaders: readonly string[],
  { start, rest, tag }: Shown,
): Answer {
  const headers = [...readHeaders, 'ETag', weakTag(tag)];
  switch (evaluateWeakly(condition, tag)) {
    case 'failed': {
      const detail = `a ${what} has a weak entity tag, which If-Match never matches; expected If-None-Match, or If-Match: *`;
      return problemAnswer(new HttpProblem('precondition_failed', detail), method, headers);
    }
    case 'notModified':
      return { status: 304, headers: [...headers, ...revalidate], body: null };
    case 'send': {
      const body = typeof rest === 'string' ? Buffer.from(rest) : rest;
      share.hold(start.length + body.byteLength);
      headers.push('Content-Type', 'application/json', ...revalidate);
      return { status: 200, headers, body, start };
    }
  }
}
