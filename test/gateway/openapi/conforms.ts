/** Holds an answer against what the document says of its operation. */

import { joined, type Operation } from '../../../src/gateway/openapi/operation.ts';
import { operations } from '../../../src/gateway/openapi/operations.ts';
import { everywhere, guarded } from '../../../src/gateway/openapi/parts.ts';
import { check } from '../../../src/gateway/schemas/check.ts';
import { problem } from '../../../src/gateway/schemas/problem.ts';
import type { Response } from '../harness.ts';

/** What differs, in words; nothing if the answer is as the document says. `path` as the document names it. */
export function conforms(method: string, path: string, response: Response): readonly string[] {
  const operation = operationOf(method, path);
  if (operation === null) return [`the document has no ${method} ${path}`];
  const { status } = response;
  const found = operation.answers[status] === undefined ? refusal(operation, response) : answer(operation, response);
  return found.map((each) => `${method} ${path} ${status}: ${each}`);
}

export function operationOf(method: string, path: string): Operation | null {
  return operations.find((each) => each.method === method.toLowerCase() && each.path === path) ?? null;
}

function answer({ answers }: Operation, { status, headers, body, text }: Response): readonly string[] {
  const { content = {}, headers: fields = {} } = answers[status] ?? {};
  const [mediaType = ''] = (headers['content-type'] ?? '').split(';');
  const schema = Object.hasOwn(content, mediaType) ? content[mediaType] : content['*/*'];
  const ofHeaders = Object.entries(fields).flatMap(([name, field]) => {
    const checked = check(field, headers[name.toLowerCase()]);
    return checked.type === 'fits' ? [] : [`header ${name} ${checked.problem}`];
  });
  if (schema === null) return ofHeaders;
  if (schema === undefined) {
    const hasBody = body.length > 0 || Object.keys(content).length > 0;
    return hasBody ? [...ofHeaders, `unexpected content of type "${mediaType}"`] : ofHeaders;
  }
  const checked = check(schema, mediaType === 'application/json' ? JSON.parse(text) : text);
  return checked.type === 'fits' ? ofHeaders : [...ofHeaders, `body ${checked.path} ${checked.problem}`];
}

function refusal(operation: Operation, { status, headers, text }: Response): readonly string[] {
  const codes = joined(everywhere, operation.need === 'public' ? {} : guarded, operation.problems)[status];
  if (codes === undefined) return [`the document knows no such status: ${text}`];
  if (headers['content-type'] !== 'application/problem+json') return ['a refusal that is no problem document'];
  const checked = check(problem, JSON.parse(text));
  if (checked.type !== 'fits') return [`problem ${checked.path} ${checked.problem}`];
  const { code } = checked.value;
  return codes.includes(code) ? [] : [`the document knows ${codes.join(', ')}, and not ${code}`];
}
