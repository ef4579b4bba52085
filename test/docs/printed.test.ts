import test from 'ava';
import type { PrintedForm } from './page.ts';
import { printedProblem } from './printed.ts';

const problem = (form: PrintedForm, expected: string, printed: string): string | null =>
  printedProblem({ line: 1, form, text: expected }, printed);

const right: readonly (readonly [string, PrintedForm, string, string])[] = [
  ['the same text', 'text', 'a\nb\n', 'a\nb\n'],
  ['the end of the last line does not count', 'text', 'a\n', 'a'],
  ['anything in a line', 'text', 'a … c … e\n', 'a b c  e\n'],
  ['any lines, none too', 'text', '…\na\n…\nb\n…\n', 'a\n1\n2\na\nb\n'],
  [
    'headers that are not shown',
    'http',
    'HTTP/1.1 200 OK\nB: …\nD: 4\n\nx\n',
    'HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\nx',
  ],
  ['an answer without a body', 'http', 'HTTP/1.1 304 …\nA: 1\n', 'HTTP/1.1 304 Not Modified\r\nA: 1\r\n\r\n'],
  ['a body that is JSON', 'http', 'HTTP/1.1 200 OK\n\n{\n  "a": 1\n}\n', 'HTTP/1.1 200 OK\r\n\r\n{"a":1}'],
  ['JSON, however it is spaced', 'json', '{ "a": [1, "b c"] }\n', '{"a":[1,"b c"]}'],
  ['any value', 'json', '{"a": …, "b": [1, …], "c": "x…z", "d": "…"}', '{"a":{"x":1},"b":[1,2,3],"c":"xyz","d":""}'],
  ['any members', 'json', '{…, "b": 2, …}', '{"a":1,"b":2,"c":3}'],
  ['any elements', 'json', '[…, {"a": 2}, …]', '[1,{"a":2},3]'],
  ['no elements', 'json', '[…]', '[]'],
];

for (const [title, form, expected, printed] of right) {
  test(`right, as ${form}: ${title}`, (t) => t.is(problem(form, expected, printed), null));
}

const wrong: readonly (readonly [string, PrintedForm, string, string, RegExp])[] = [
  ['another text', 'text', 'a\n', 'b\n', /expected the line a, got the line b/],
  ['a line too many', 'text', 'a\n', 'a\nb\n', /expected the end, got the line b/],
  ['a line too few', 'text', 'a\nb\n', 'a\n', /expected the line b, got the end/],
  ['nothing', 'text', 'a\n', '', /expected the line a, got the end/],
  ['what stands behind any lines', 'text', '…\nb\n', 'a\na\n', /expected the line b/],
  ['the rest of a line', 'text', 'a…c\n', 'abd\n', /expected the line a…c/],
  ['what would have to count twice', 'text', 'ab…bc\n', 'abc\n', /expected/],
  ['another status', 'http', 'HTTP/1.1 201 Created\n', 'HTTP/1.1 200 OK\n', /expected HTTP\/1.1 201 Created/],
  ['a header that is missing', 'http', 'HTTP/1.1 200 OK\nA: 1\n', 'HTTP/1.1 200 OK\nB: 1\n', /the header A: 1/],
  [
    'headers in another order',
    'http',
    'HTTP/1.1 200 OK\nB: 1\nA: 1\n',
    'HTTP/1.1 200 OK\nA: 1\nB: 1\n',
    /the header A: 1/,
  ],
  ['a body that is not shown', 'http', 'HTTP/1.1 200 OK\n', 'HTTP/1.1 200 OK\n\nx', /expected the end, got the line x/],
  ['a body of JSON that is not shown', 'http', 'HTTP/1.1 200 OK\n', 'HTTP/1.1 200 OK\n\n{}', /no JSON/],
  [
    'a body that is not there',
    'http',
    'HTTP/1.1 200 OK\n\nx\n',
    'HTTP/1.1 200 OK\n\n',
    /expected the line x, got the end/,
  ],
  ['another value', 'json', '{"a": {"b": 1}}', '{"a":{"b":2}}', /at \/a\/b: expected 1, got 2/],
  ['a number for a text', 'json', '{"a": "…"}', '{"a":2}', /at \/a: expected "…", got 2/],
  ['a member too many', 'json', '{"a": 1}', '{"a":1,"b":2}', /at the top: expected the members a, got a, b/],
  ['members in another order', 'json', '{…, "b": 2, "a": 1}', '{"a":1,"b":2}', /expected the members b, a/],
  ['a member that is missing', 'json', '{"a": …, …}', '{"b":1}', /expected the members a, got b/],
  ['an element too many', 'json', '[1]', '[1,2]', /1 elements too many/],
  ['an element too few', 'json', '[1, …, 2]', '[1]', /expected another element, 2/],
  ['an object for an array', 'json', '[…]', '{}', /expected \[…\], got {}/],
  ['what is no JSON', 'json', '{}', 'no', /expected JSON, got no/],
  ['a page that is no JSON', 'json', '{a}', '{}', /what is expected is no JSON/],
];

for (const [title, form, expected, printed, message] of wrong) {
  test(`wrong, as ${form}: ${title}`, (t) => t.regex(problem(form, expected, printed) ?? 'nothing', message));
}
