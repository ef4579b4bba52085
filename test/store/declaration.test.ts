import test from 'ava';
import { index } from '../../src/raft/types.ts';
import type { Command } from '../../src/store/command.ts';
import { type DocumentChange, declarationOf } from '../../src/store/declaration.ts';
import { compareTexts } from '../../src/store/text-order.ts';
import {
  type Touch,
  touchesOf,
  touchOfBlindChange,
  touchOfCollection,
  touchOfDocument,
  touchOfDocumentField,
  touchOfField,
  touchOfKey,
  touchOfMembers,
  touchOfTerm,
} from '../../src/store/touch.ts';
import type { FieldTerms, KnownDocument, Operation } from '../../src/store/transaction.ts';
import { randomCatalogCommand, stamp } from './catalog-commands.ts';
import { createRandom, type SeededRandom } from './random.ts';

const collection = 'books';
const id = '9';
const target = { type: 'document', collection, id } as const;
const note = 'note';
const fields = ['topic', 'price', note] as const;
const values: readonly (string | number | undefined)[] = [undefined, 'a', 'b', 1, 2];

type Fields = Readonly<Record<string, string | number>>;

function randomDocument(random: SeededRandom): Fields | null {
  if (random.below(4) === 0) return null;
  return withRandomFields(random, {}, fields);
}

function withRandomFields(random: SeededRandom, document: Fields, some: readonly string[]): Fields {
  const next: Record<string, string | number> = { ...document };
  for (const field of some) {
    const value = random.pick(values);
    if (value === undefined) delete next[field];
    else next[field] = value;
  }
  return next;
}

/** Two versions of Unicode, which have other normal forms for one letter. */
function termsOf(document: Fields | null, version: number): readonly FieldTerms[] | null {
  if (document === null) return null;
  const normal = (text: string) => (version === 1 && text === 'b' ? 'B' : text);
  return ['topic', 'price'].flatMap((field): FieldTerms[] => {
    const value = document[field];
    if (value === undefined) return [];
    return [
      { field, kind: 'term', terms: typeof value === 'string' ? [normal(value), 'shared'].sort(compareTexts) : [] },
      { field, kind: 'number', terms: typeof value === 'number' ? [value] : [] },
    ];
  });
}

function differing(before: Fields | null, after: Fields | null): readonly string[] {
  return fields.filter((field) => before?.[field] !== after?.[field]);
}

interface Written {
  readonly operation: Operation;
  readonly after: Fields | null;
  /** What the evaluation leaves in the document's row. */
  readonly terms: readonly FieldTerms[] | null;
}

/** An operation of a gateway that believes the document to be `believed`, and what it makes of the one that is there. */
function randomWrite(
  random: SeededRandom,
  before: Fields | null,
  row: readonly FieldTerms[] | null,
  version: number,
): Written {
  const believed = random.below(5) === 0 ? randomDocument(random) : before;
  const knownFor = (after: Fields | null): KnownDocument | null => {
    if (random.below(5) === 0) return null;
    return {
      revision: believed === null ? 0 : 4,
      // Worked out from the document, or read off its row.
      terms: (random.below(3) === 0 && believed === before ? row : termsOf(believed, version)) ?? [],
      changed: differing(believed, after),
    };
  };
  const dice = random.below(4);
  if (dice === 0) return { operation: { type: 'delete', target, known: knownFor(null) }, after: null, terms: null };
  if (dice === 1) {
    const after = withRandomFields(random, {}, fields);
    const terms = termsOf(after, version) ?? [];
    const basis = { definition: index(3), terms, known: knownFor(after) };
    const json = Buffer.from(JSON.stringify(after));
    return { operation: { type: 'putDocument', collection, id, json, ttlMs: null, basis }, after, terms };
  }
  const others = (touched: readonly string[]) => (row ?? []).filter(({ field }) => !touched.includes(field));
  if (dice === 2) {
    const after = withRandomFields(random, before ?? {}, ['price']);
    const terms = (termsOf(after, version) ?? []).filter(({ field }) => field === 'price');
    const operation: Operation = { type: 'add', target, field: 'price', amount: 1, min: null, max: null };
    return { operation, after, terms: [...others(['price']), ...terms] };
  }
  const patched = fields.filter(() => random.below(2) === 0);
  const after = withRandomFields(random, before ?? {}, patched);
  const json = Buffer.from(JSON.stringify(Object.fromEntries(patched.map((field) => [field, after[field] ?? null]))));
  const terms = (termsOf(after, version) ?? []).filter(({ field }) => (patched as readonly string[]).includes(field));
  const operation: Operation = { type: 'patch', target, json, basis: { definition: index(3), terms } };
  return { operation, after, terms: [...others(patched), ...terms] };
}

interface Kept {
  readonly name: string;
  readonly carries: readonly Touch[];
  /** Of the copy, as the document and its terms make it. */
  readonly answer: (document: Fields | null, terms: readonly FieldTerms[] | null) => unknown;
}

const members = [touchOfCollection(collection), touchOfMembers(collection)];

/** Each kind of answer that a gateway keeps, with what it carries. */
const copies: readonly Kept[] = [
  { name: 'the document', carries: [touchOfDocument(collection, id)], answer: (document) => document },
  { name: 'ids', carries: members, answer: (document) => document !== null },
  {
    name: 'whole documents',
    carries: [...members, touchOfDocument(collection, id)],
    answer: (document) => document,
  },
  ...fields.flatMap((field): Kept[] => [
    {
      name: `by ${field}`,
      carries: [...members, touchOfField(collection, field)],
      answer: (document) => document?.[field],
    },
    {
      name: `ids in the order of ${field}`,
      carries: [...members, touchOfField(collection, field)],
      answer: (document) => [document !== null, document?.[field]],
    },
    {
      name: `${field} of each`,
      carries: [...members, touchOfDocumentField(collection, id, field)],
      answer: (document) => [document !== null, document?.[field]],
    },
  ]),
  ...(['topic', 'price'] as const).flatMap((field) =>
    ['a', 'b', 'B', 'shared', 1, 2].map((term): Kept => {
      const kind = typeof term === 'number' ? 'number' : 'term';
      return {
        name: `${field} = ${term}, with notes`,
        carries: [
          touchOfCollection(collection),
          touchOfTerm(collection, field, kind, term),
          touchOfBlindChange(collection, field),
          touchOfDocumentField(collection, id, 'note'),
        ],
        answer: (document, terms) => {
          const all = terms?.find((each) => each.field === field && each.kind === kind)?.terms ?? [];
          return all.includes(term) ? [true, document?.[note]] : false;
        },
      };
    }),
  ),
];

const transact = (then: readonly Operation[], mustExist: boolean): Command => {
  const compares = mustExist ? ([{ of: 'exists', target, is: true }] as const) : [];
  return { type: 'transaction', stamp, idempotency: null, transaction: { compares, then, otherwise: [] } };
};

test('of every change that a command declares, each copy that it makes stale has been told', (t) => {
  const random = createRandom(31);
  const counted = { declared: 0, undeclared: 0, stale: 0, kept: 0 };
  for (let round = 0; round < 20_000; round += 1) {
    const before = randomDocument(random);
    const row = termsOf(before, random.below(4) === 0 ? 1 : 0);
    const { operation, after, terms } = randomWrite(random, before, row, 0);
    const command = transact([operation], random.below(3) === 0);
    const change: DocumentChange = { collection, id, before: row, after: terms, changed: differing(before, after) };
    if (!declarationOf(command).document(change)) {
      counted.undeclared += 1;
      continue;
    }
    counted.declared += 1;
    const touches = touchesOf(command);
    for (const { name, carries, answer } of copies) {
      const isStale = JSON.stringify(answer(before, row)) !== JSON.stringify(answer(after, terms));
      const isTold = touches === 'everything' || carries.some((touch) => touches.includes(touch));
      if (isStale) counted.stale += 1;
      else if (!isTold) counted.kept += 1;
      if (isStale && !isTold) t.fail(`${name}: ${JSON.stringify([before, row, after, terms, operation])}`);
    }
  }
  t.true(counted.declared > 8000 && counted.undeclared > 1000, JSON.stringify(counted));
  t.true(counted.stale > 30_000 && counted.kept > 30_000, JSON.stringify(counted));
});

test('a write that is right about what it writes to is declared', (t) => {
  const random = createRandom(32);
  for (let round = 0; round < 4000; round += 1) {
    const before = randomDocument(random);
    const row = termsOf(before, 0);
    const { operation, after, terms } = randomWrite(random, before, row, 0);
    const changed = differing(before, after);
    const change: DocumentChange = { collection, id, before: row, after: terms, changed };
    const known =
      operation.type === 'putDocument' ? operation.basis.known : operation.type === 'delete' ? operation.known : null;
    const isRight =
      known === null ||
      (known.revision > 0 && before !== null && JSON.stringify(known.terms) === JSON.stringify(row)
        ? changed.every((field) => known.changed.includes(field))
        : known.revision === 0 && before === null);
    // Where there is nothing, nothing is deleted, patched or added to.
    const isChange = before !== null || operation.type === 'putDocument';
    if (isRight && isChange)
      t.true(declarationOf(transact([operation], false)).document(change), JSON.stringify(operation));
  }
});

test('a command declares the keys that it touches, and no others', (t) => {
  const random = createRandom(33);
  const keys = ['a', 'b/1', 'b/2', 'c/Ω/𐀀', '\uFEFF\0', 'never'];
  let declared = 0;
  for (let round = 0; round < 4000; round += 1) {
    const command = randomCatalogCommand(random);
    const touches = touchesOf(command);
    for (const key of keys) {
      const isTouched = touches === 'everything' || touches.includes(touchOfKey(key));
      t.is(declarationOf(command).key(key), isTouched);
      if (isTouched) declared += 1;
    }
  }
  t.true(declared > 2000);
});

test('a definition is declared by what defines it, and by what touches everything', (t) => {
  const define: Command = {
    type: 'define',
    stamp,
    name: 'books',
    definition: { idField: 'id', indexes: [] },
    replaces: null,
  };
  t.true(declarationOf(define).definition('books'));
  t.false(declarationOf(define).definition('orders'));
  t.true(declarationOf({ ...define, definition: null }).definition('books'));
  t.false(declarationOf(transact([], false)).definition('books'));
});

test('what expires is declared, key or document, and nothing beside it', (t) => {
  const modRevision = index(2);
  const expired = [
    { target, modRevision },
    { target: { type: 'key', key: 'k' } as const, modRevision },
  ];
  const { key, document } = declarationOf({ type: 'tick', stampMs: 5, expired, forgotten: [] });
  const gone = { before: [], after: null, changed: [] };
  t.true(key('k'));
  t.false(key('9'));
  t.true(document({ collection, id, ...gone }));
  t.false(document({ collection, id: '8', ...gone }));
  t.false(document({ collection: 'orders', id, ...gone }));
});
