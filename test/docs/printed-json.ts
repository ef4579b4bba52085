import { anything, isLike } from './wildcard.ts';

/**
 * Null, or where the two differ. `…` stands for any value, among members for any members, among elements for any elements,
 * in a text for any part of it. White space counts nowhere else, the order of members does.
 */
export function jsonProblem(expected: string, printed: string): string | null {
  const parsed = parse(printed);
  if (parsed === undefined) return `expected JSON, got ${printed.trim() === '' ? 'nothing' : printed.trim()}`;
  const pattern = parse(quoteAnything(expected));
  if (pattern === undefined) return `what is expected is no JSON, even with a value for each ${anything}`;
  return valueProblem(pattern, parsed, '');
}

export function isJson(text: string): boolean {
  return parse(text) !== undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Stands for `…` outside of texts, since JSON has only texts for such things, and a text that is `…` stands for a text. */
const wild = '\0';

/** With `…` outside of texts as a text or, among members, as a member. */
function quoteAnything(text: string): string {
  const open: string[] = [];
  let before = '';
  return text.replaceAll(/"(?:[^"\\]|\\.)*"|[^\s]/g, (token) => {
    let written = token;
    if (token === '{' || token === '[') open.push(token);
    else if (token === '}' || token === ']') open.pop();
    else if (token === anything) {
      const isMember = open.at(-1) === '{' && before !== ':';
      const quoted = JSON.stringify(wild);
      written = isMember ? `${quoted}:${quoted}` : quoted;
    }
    before = token;
    return written;
  });
}

function valueProblem(expected: unknown, printed: unknown, path: string): string | null {
  const differ = () => `at ${path || 'the top'}: expected ${shown(expected)}, got ${JSON.stringify(printed)}`;
  if (expected === wild) return null;
  if (typeof expected === 'string') return typeof printed === 'string' && isLike(expected, printed) ? null : differ();
  if (Array.isArray(expected)) return Array.isArray(printed) ? elementsProblem(expected, printed, path) : differ();
  if (isObject(expected)) return isObject(printed) ? membersProblem(expected, printed, path) : differ();
  return expected === printed ? null : differ();
}

const shown = (value: unknown): string => JSON.stringify(value).replaceAll(JSON.stringify(wild), anything);

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Elements in a row, `…` for any number of them. */
function elementsProblem(expected: readonly unknown[], printed: readonly unknown[], path: string): string | null {
  const [first, ...rest] = expected;
  if (expected.length === 0) return printed.length === 0 ? null : `at ${path}: ${printed.length} elements too many`;
  if (first === wild) {
    const problems = Array.from({ length: printed.length + 1 }, (_, skipped) =>
      elementsProblem(rest, printed.slice(skipped), path),
    );
    return problems.includes(null) ? null : (problems[0] ?? null);
  }
  if (printed.length === 0) return `at ${path}: expected another element, ${shown(first)}`;
  return valueProblem(first, printed[0], `${path}/…`) ?? elementsProblem(rest, printed.slice(1), path);
}

/** Members in their order; with a `…` among them others may stand between. */
function membersProblem(
  expected: Readonly<Record<string, unknown>>,
  printed: Readonly<Record<string, unknown>>,
  path: string,
): string | null {
  const isOpen = Object.hasOwn(expected, wild);
  const wanted = Object.keys(expected).filter((name) => name !== wild);
  const got = isOpen ? Object.keys(printed).filter((name) => wanted.includes(name)) : Object.keys(printed);
  if (wanted.join('\n') !== got.join('\n')) {
    return `at ${path || 'the top'}: expected the members ${wanted.join(', ')}, got ${Object.keys(printed).join(', ')}`;
  }
  for (const name of wanted) {
    const problem = valueProblem(expected[name], printed[name], `${path}/${name}`);
    if (problem !== null) return problem;
  }
  return null;
}
