/** Requests that are about nothing of one revision: a condition that was passed over might be what their sender depends on. */
import type { IncomingHttpHeaders } from 'node:http';
import { HttpProblem } from './errors.ts';

/** Throws HttpProblem where there is a condition. `remedy`: what does what it is there for. */
export function refuseConditions(headers: IncomingHttpHeaders, remedy: string): void {
  for (const name of ['If-Match', 'If-None-Match'] as const) {
    if (headers[name.toLowerCase()] === undefined) continue;
    throw new HttpProblem('bad_header', `${name}: expected none, this takes no condition; ${remedy}`);
  }
}
