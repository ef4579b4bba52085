/** Values that fit a schema of the OpenAPI document: plain ones, names that there are, and whatever is at the edges. */
import fc from 'fast-check';

/** As much of JSON Schema as the document uses. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly maxItems?: number;
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly example?: unknown;
}

export type Schemas = Readonly<Record<string, Schema>>;

/** By the name of a member or parameter: so that requests meet what is there. */
const pools: Readonly<Record<string, readonly unknown[]>> = {
  key: ['books/1', 'n', 'text', 'a b/ü', 'jobs/7', '__proto__'],
  prefix: ['', 'books/', 'n', 'nothing/'],
  collection: ['books', 'orders', 'employees', 'absent', 'constructor'],
  id: ['1', '2', '9', 'new', '__proto__', 'ü'],
  book: ['1', '9', 9, 'absent'],
  book_id: ['1', 9],
  bookId: ['9'],
  field: ['title', 'topic', 'price', 'stock', 'n', '__proto__', 'a.gt'],
  idField: ['id', 'title'],
  topic: ['systems', 'education', 'e'],
  fields: ['id', 'id,title', 'price,__proto__'],
  sort: ['price', '-stock', 'title'],
  replica: ['r1', 'r3', 'r9'],
  'Idempotency-Key': ['one', 'two', '"three"'],
  'If-Match': ['*', '"1"', '"5", "6"', 'W/"5"'],
  'If-None-Match': ['*', '"1"', 'W/"x"'],
};

const edges = ['', ' ', '.', '..', '/', '%', '\u0000', '\n', '😀', 'ǅ', 'x'.repeat(600), 'a~1b/c', '1e5', 'null'];

export function schemaArbitrary(schema: Schema, schemas: Schemas, name = ''): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) {
    const target = schemas[schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1)];
    if (target === undefined) throw new Error(`there is no ${schema.$ref}`);
    return schemaArbitrary(target, schemas, name);
  }
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((each) => schemaArbitrary(each, schemas, name)));
  switch (schema.type) {
    case 'object':
      return objectArbitrary(schema, schemas);
    case 'array':
      return fc.array(schemaArbitrary(schema.items ?? {}, schemas, name), {
        maxLength: Math.min(schema.maxItems ?? 4, 4),
      });
    case 'string':
      return textArbitrary(schema, name);
    case 'integer':
    case 'number':
      return numberArbitrary(schema);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.jsonValue();
  }
}

function objectArbitrary({ properties = {}, required = [], additionalProperties }: Schema, schemas: Schemas) {
  const members = Object.fromEntries(
    Object.entries(properties).map(([name, each]) => [name, schemaArbitrary(each, schemas, name)]),
  );
  const object = fc.record(members, { requiredKeys: [...required], noNullPrototype: true });
  if (additionalProperties === undefined || additionalProperties === false) return object;
  return fc
    .tuple(fc.oneof(bookArbitrary, fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 })), object)
    .map(([further, own]) => ({ ...further, ...own }));
}

/** What the collection of books has, or nearly so. */
const bookArbitrary = fc.record(
  {
    id: fc.constantFrom<unknown>('1', '2', '9', 'new', 1, ''),
    title: fc.oneof(fc.string(), fc.constant(['a', 'b']), fc.integer()),
    topic: fc.constantFrom<unknown>('systems', 'Education', null, 5),
    price: fc.oneof(fc.double({ noNaN: true }), fc.constantFrom<unknown>('5', [1, 2], -0)),
    stock: fc.oneof(fc.integer(), fc.constant(Number.MAX_SAFE_INTEGER)),
  },
  { requiredKeys: [], noNullPrototype: true },
);

function textArbitrary({ pattern, maxLength }: Schema, name: string): fc.Arbitrary<unknown> {
  const pool = pools[name];
  // Answers to what must be had in no time are true failures.
  if (name === 'timeout') return fc.constantFrom('5s', '60s', '10000ms', '1h', '');
  const fitting = pattern === undefined ? fc.string({ maxLength: Math.min(maxLength ?? 40, 40) }) : matching(pattern);
  const edge = fc.constantFrom(...edges);
  if (pool === undefined) return fc.oneof({ arbitrary: fitting, weight: 8 }, { arbitrary: edge, weight: 1 });
  return fc.oneof(
    { arbitrary: fc.constantFrom(...pool), weight: 8 },
    { arbitrary: fitting, weight: 1 },
    { arbitrary: edge, weight: 1 },
  );
}

function matching(pattern: string): fc.Arbitrary<string> {
  return fc.stringMatching(new RegExp(pattern));
}

function numberArbitrary({ type, minimum, maximum }: Schema): fc.Arbitrary<number> {
  const bounds = [minimum, maximum].filter((bound) => bound !== undefined);
  const beyond = [
    ...bounds,
    ...bounds.map((bound) => bound + 1),
    ...bounds.map((bound) => bound - 1),
    0,
    -1,
    0.5,
    1e308,
  ];
  const within = {
    ...(minimum === undefined ? {} : { min: minimum }),
    ...(maximum === undefined ? {} : { max: maximum }),
  };
  const fitting = type === 'integer' ? fc.integer(smaller(within)) : fc.double({ ...within, noNaN: true });
  return fc.oneof({ arbitrary: fitting, weight: 6 }, { arbitrary: fc.constantFrom(...beyond), weight: 1 });
}

/** Large numbers of things cost time and find nothing. */
function smaller({ min = -1000, max = 1000 }: { readonly min?: number; readonly max?: number }) {
  return { min: Math.max(min, -1000), max: Math.min(max, 1000) };
}
