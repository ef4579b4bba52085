/** Requests as the document would have them, and such as it would not. */
import fc from 'fast-check';
import { openApiDocument } from '../../../src/gateway/openapi/document.ts';
import type { Operation } from '../../../src/gateway/openapi/operation.ts';
import { type Schema, type Schemas, schemaArbitrary } from './schema-arbitrary.ts';

export interface FuzzRequest {
  readonly method: string;
  /** As the document names it. */
  readonly path: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema: Schema;
}

interface Described {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: Schema }>> };
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: { readonly schemas: Schemas };
}

export function requestArbitrary(operations: readonly Operation[]): fc.Arbitrary<FuzzRequest> {
  const document = openApiDocument(operations, '0') as Document;
  return fc.oneof(
    ...Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, described]) =>
        operationArbitrary(method.toUpperCase(), path, described, document.components.schemas),
      ),
    ),
  );
}

function operationArbitrary(
  method: string,
  path: string,
  { parameters = [], requestBody }: Described,
  schemas: Schemas,
) {
  const [inPath = [], inQuery = [], inHeader = []] = (['path', 'query', 'header'] as const).map((place) =>
    parameters.filter((parameter) => parameter.in === place),
  );
  const isWatch = inQuery.some(({ name }) => name === 'wait');
  return fc
    .record({
      names: fc.record(
        Object.fromEntries(inPath.map(({ name, schema }) => [name, stepArbitrary(schema, schemas, name)])),
      ),
      query: fieldsArbitrary(
        inQuery.filter(({ name }) => name !== 'wait'),
        schemas,
      ),
      headers: fieldsArbitrary(inHeader, schemas),
      further: furtherArbitrary,
      content: contentArbitrary(requestBody, schemas),
    })
    .map(({ names, query, headers, further, content }): FuzzRequest => {
      const place = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => String(names[name]));
      const pairs = { ...query, ...further };
      const search = Object.entries(pairs).map(([name, value]) => `${encode(name)}=${encode(value)}`);
      // Without it the answer never ends.
      if (isWatch) search.push('wait=5ms');
      return {
        ...{ method, path },
        target: search.length === 0 ? place : `${place}?${search.join('&')}`,
        headers: { ...sendable(headers), ...(content === null ? {} : { 'Content-Type': content.type }) },
        body: content?.body ?? null,
      };
    });
}

const malformedSteps = ['%', '%f', '%ff', '%00', 'a%2Fb', '%2e%2e', '%c3%28'];

function stepArbitrary(schema: Schema, schemas: Schemas, name: string): fc.Arbitrary<string> {
  const sound = schemaArbitrary(schema, schemas, name).map((value) => encode(String(value)));
  return fc.oneof({ arbitrary: sound, weight: 19 }, { arbitrary: fc.constantFrom(...malformedSteps), weight: 1 });
}

/** What is required is mostly there, the rest seldom. */
function fieldsArbitrary(fields: readonly Parameter[], schemas: Schemas): fc.Arbitrary<Record<string, string>> {
  const each = fields
    .filter(({ name }) => name !== 'conditions')
    .map(({ name, schema, required = false }) => {
      const value = fc.oneof(
        { arbitrary: schemaArbitrary(schema, schemas, name), weight: 19 },
        { arbitrary: fc.string(), weight: 1 },
      );
      const chosen = fc.oneof(
        { arbitrary: value, weight: required ? 19 : 1 },
        { arbitrary: fc.constant(undefined), weight: required ? 1 : 5 },
      );
      return fc.tuple(fc.constant(name), chosen);
    });
  return fc
    .tuple(...each)
    .map((pairs) =>
      Object.fromEntries(pairs.flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]]))),
    );
}

/** Conditions of searches, and parameters that nobody knows. */
const furtherArbitrary: fc.Arbitrary<Record<string, string>> = fc.oneof(
  { arbitrary: fc.constant({}), weight: 6 },
  {
    arbitrary: fc.dictionary(
      fc.constantFrom(
        'title',
        'topic',
        'price',
        'price.gt',
        'price.lte',
        'topic.contains',
        'title.words',
        'id.eq',
        'x',
        'x.y',
      ),
      fc.oneof(fc.constantFrom('5', '-1e3', 'systems', 'RPCs', 'e', ''), fc.string()),
      { maxKeys: 3 },
    ),
    weight: 2,
  },
);

interface Content {
  readonly type: string;
  readonly body: string;
}

function contentArbitrary(described: Described['requestBody'], schemas: Schemas): fc.Arbitrary<Content | null> {
  const unasked = fc.constant(null);
  if (described === undefined) {
    return fc.oneof({ arbitrary: unasked, weight: 19 }, { arbitrary: rawArbitrary, weight: 1 });
  }
  const sound = Object.entries(described.content).map(([type, { schema }]) =>
    (schema === undefined ? fc.string() : bodyArbitrary(schema, schemas)).map((body) => ({ type, body })),
  );
  return fc.oneof(
    { arbitrary: fc.oneof(...sound), weight: 18 },
    { arbitrary: rawArbitrary, weight: 1 },
    { arbitrary: unasked, weight: 1 },
  );
}

const rawArbitrary: fc.Arbitrary<Content> = fc.record({
  type: fc.constantFrom('application/json', 'application/merge-patch+json', 'text/plain', 'nonsense', ''),
  body: fc.oneof(
    fc.string(),
    fc.json(),
    fc.constantFrom(
      '{',
      '{"a":1,"a":2}',
      '[1e999]',
      `${'['.repeat(100)}${']'.repeat(100)}`,
      '"\\ud800"',
      'null',
      '{"id":1}',
    ),
  ),
});

/** In one of five something is put where it does not belong. */
function bodyArbitrary(schema: Schema, schemas: Schemas): fc.Arbitrary<string> {
  const sound = schemaArbitrary(schema, schemas);
  const spoilt = fc.tuple(sound, fc.nat(), fc.jsonValue()).map(([value, place, other]) => spoil(value, place, other));
  return fc
    .oneof({ arbitrary: sound, weight: 4 }, { arbitrary: spoilt, weight: 1 })
    .map((value) => JSON.stringify(value) ?? 'null');
}

/** Somewhere in the value `other` stands in place of what was there. */
function spoil(value: unknown, place: number, other: unknown): unknown {
  if (typeof value !== 'object' || value === null) return other;
  const members = Object.entries(value);
  const [name, member] = members[place % (members.length + 1)] ?? ['unknown', null];
  const changed = place % 3 === 0 ? other : spoil(member, Math.floor(place / 3), other);
  if (!Array.isArray(value)) return { ...value, [name]: changed };
  return value.length === 0 ? [changed] : value.with(Math.min(Number(name) || 0, value.length - 1), changed);
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** Node sends no others. */
function sendable(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, value.replaceAll(/[^\t\x20-\x7e]/g, '')]),
  );
}
