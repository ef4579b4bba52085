/** Requests made of the examples that stand in the document. */
import { type ZodType, z } from 'zod';
import type { Fields, Operation } from '../../../src/gateway/openapi/operation.ts';

export interface ExampleRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** With what is required alone. Throws if there is no example of that. */
export function exampleRequest({ method, path, pathParameters, query, headers, body }: Operation): ExampleRequest {
  const place = path.replaceAll(/\{(\w+)\}/g, (_, name) => {
    const schema = pathParameters?.[name];
    if (schema === undefined) throw new Error(`${path} does not describe its parameter ${name}`);
    return encodeURIComponent(textOf(name, schema));
  });
  const search = new URLSearchParams(required(query)).toString();
  const [type, schema] = Object.entries(body?.content ?? {})[0] ?? [];
  return {
    method: method.toUpperCase(),
    target: search === '' ? place : `${place}?${search}`,
    headers: { ...required(headers), ...(type === undefined ? {} : { 'Content-Type': type }) },
    body: type === undefined ? undefined : schema ? JSON.stringify(exampleOf('body', schema)) : 'world',
  };
}

function required(fields: Fields = {}): Readonly<Record<string, string>> {
  const needed = Object.entries(fields).filter(([, schema]) => isNeeded(schema));
  return Object.fromEntries(needed.map(([name, schema]) => [name, textOf(name, schema)]));
}

function isNeeded(schema: ZodType): boolean {
  return !z.object({ schema }).safeParse({}).success;
}

function textOf(name: string, schema: ZodType): string {
  return String(exampleOf(name, schema));
}

/** Of an object without one it is made of those of its members that it needs. */
function exampleOf(name: string, schema: ZodType): unknown {
  const { example } = schema.meta() ?? {};
  if (example !== undefined) return example;
  const { shape } = schema as { readonly shape?: Fields };
  if (shape === undefined) throw new Error(`${name} has no example`);
  const needed = Object.entries(shape).filter(([, each]) => isNeeded(each));
  return Object.fromEntries(needed.map(([member, each]) => [member, exampleOf(member, each)]));
}
