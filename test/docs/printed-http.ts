import { isJson, jsonProblem } from './printed-json.ts';
import { linesOf, linesProblem } from './printed-lines.ts';
import { anything, isLike } from './wildcard.ts';

/**
 * Null, or what is wrong with one answer that `curl -i` prints. Headers that the page leaves out may stand between those it
 * shows; these are in their order. A body that is JSON is held against as JSON.
 */
export function httpProblem(expected: string, printed: string): string | null {
  const [wantedHead, wantedBody] = answerOf(expected);
  const [head, body] = answerOf(printed);
  return headProblem(wantedHead, head) ?? bodyProblem(wantedBody, body);
}

function answerOf(text: string): readonly [head: readonly string[], body: string] {
  const lines = linesOf(text);
  const end = lines.indexOf('');
  return end === -1 ? [lines, ''] : [lines.slice(0, end), lines.slice(end + 1).join('\n')];
}

function headProblem([status = '', ...wanted]: readonly string[], [gotStatus = '', ...got]: readonly string[]) {
  if (!isLike(status, gotStatus)) return `expected ${status}, got ${gotStatus || 'nothing'}`;
  let from = 0;
  for (const header of wanted) {
    if (header === anything) continue;
    const found = got.findIndex((line, position) => position >= from && isLike(header, line));
    if (found === -1) return `expected the header ${header} behind those before it, got\n${got.join('\n')}`;
    from = found + 1;
  }
  return null;
}

function bodyProblem(wanted: string, got: string): string | null {
  return isJson(got)
    ? jsonProblem(wanted === '' ? 'no body' : wanted, got)
    : linesProblem(linesOf(wanted), linesOf(got));
}
