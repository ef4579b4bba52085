import { unreachable } from '../../src/raft/assert.ts';
import type { Printed } from './page.ts';
import { httpProblem } from './printed-http.ts';
import { jsonProblem } from './printed-json.ts';
import { linesOf, linesProblem } from './printed-lines.ts';
import { anything } from './wildcard.ts';

/** Null, or how what was printed is not what the page says. */
export function printedProblem({ form, text }: Printed, printed: string): string | null {
  switch (form) {
    case 'text':
      return linesProblem(linesOf(text), linesOf(printed));
    case 'http':
      return httpProblem(text, printed);
    case 'json':
      return jsonProblem(text, printed);
    default:
      return unreachable(form);
  }
}

/** As printedProblem, of what goes on: more may come. */
export function begunProblem(printed: Printed, soFar: string): string | null {
  return linesProblem([...linesOf(printed.text), anything], linesOf(soFar));
}
