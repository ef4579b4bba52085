import test from 'ava';
import { index } from '../../src/raft/types.ts';
import type { FieldTerms, Operation, Target, Transaction } from '../../src/store/transaction.ts';
import { transactionProblem } from '../../src/store/transaction-problem.ts';
import { randomTransaction } from './catalog-commands.ts';
import { createRandom } from './random.ts';

const key: Target = { type: 'key', key: 'k' };
const document: Target = { type: 'document', collection: 'books', id: '9' };
const json = Buffer.from('{}');
const basis = { definition: index(3), terms: [], known: null };
const put: Extract<Operation, { type: 'put' }> = {
  ...{ type: 'put', key: 'k', value: Buffer.from('v') },
  ...{ contentType: '', ttlMs: null },
};
const putDocument: Extract<Operation, { type: 'putDocument' }> = {
  ...{ type: 'putDocument', collection: 'books', id: '9' },
  ...{ json, ttlMs: null, basis },
};
const add: Extract<Operation, { type: 'add' }> = {
  ...{ type: 'add', target: document, field: 'stock' },
  ...{ amount: -1, min: 0, max: null },
};

const nothing: Transaction = { compares: [], then: [], otherwise: [] };
const then = (...operations: readonly Operation[]): Transaction => ({ ...nothing, then: operations });
const withTerms = (...terms: readonly FieldTerms[]) => then({ ...putDocument, basis: { ...basis, terms } });
const knowing = (revision: number, changed: readonly string[]) =>
  then({ ...putDocument, basis: { ...basis, known: { revision, terms: [], changed } } });

const sound: Record<string, Transaction> = {
  'nothing at all': nothing,
  'a key in each branch': { compares: [], then: [put], otherwise: [put] },
  'a key that is read and written': then({ type: 'get', target: key }, put, { type: 'get', target: key }),
  'a range beside a key that it does not cover': then({ type: 'deleteRange', prefix: 'k/' }, put),
  'a range of all keys beside a document': then({ type: 'deleteRange', prefix: '' }, putDocument),
  'documents of one id in two collections': then(putDocument, { ...putDocument, collection: 'orders' }),
  'names that run together alike': then(
    { ...putDocument, collection: 'a', id: 'bc' },
    { ...putDocument, collection: 'ab', id: 'c' },
  ),
  'the largest values': then({ ...put, value: Buffer.alloc(1024 * 1024) }),
  '128 parts': {
    ...nothing,
    then: Array(64).fill({ type: 'get', target: key }),
    otherwise: Array(64).fill({ type: 'get', target: key }),
  },
  'the longest names': then({ ...putDocument, collection: 'Ω'.repeat(64), id: 'Ω'.repeat(256) }),
  'the longest lifetime': then({ ...put, ttlMs: 10 * 365 * 24 * 3600 * 1000 }),
};

for (const [title, transaction] of Object.entries(sound)) {
  test(`nothing is wrong with ${title}`, (t) => {
    t.is(transactionProblem(transaction), null);
  });
}

const unsound: readonly (readonly [title: string, transaction: Transaction, path: string])[] = [
  ['129 parts', { ...nothing, then: Array(129).fill({ type: 'get', target: key }) }, ''],
  ['1.6 MiB', then({ ...put, value: Buffer.alloc(900_000) }, { ...put, key: 'j', value: Buffer.alloc(700_000) }), ''],
  ['an empty key', then({ ...put, key: '' }), 'then[0].key'],
  ['a long key', then({ type: 'get', target: { type: 'key', key: 'k'.repeat(1025) } }), 'then[0].target.key'],
  ['a lone surrogate', { ...nothing, otherwise: [put, { ...put, key: '\ud800' }] }, 'otherwise[1].key'],
  ['a long value', then({ ...put, value: Buffer.alloc(1024 * 1024 + 1) }), 'then[0].value'],
  ['a content type that is no ASCII', then({ ...put, contentType: 'é' }), 'then[0].contentType'],
  ['no lifetime', then({ ...put, ttlMs: 0 }), 'then[0].ttlMs'],
  ['a lifetime of eleven years', then({ ...putDocument, ttlMs: 11 * 365 * 24 * 3600 * 1000 }), 'then[0].ttlMs'],
  ['a lifetime with a fraction', then({ ...put, ttlMs: 1.5 }), 'then[0].ttlMs'],
  ['an empty collection', then({ ...putDocument, collection: '' }), 'then[0].collection'],
  ['a long collection', then({ ...putDocument, collection: 'Ω'.repeat(65) }), 'then[0].collection'],
  ['a long id', then({ ...putDocument, id: 'x'.repeat(513) }), 'then[0].id'],
  ['a long document', then({ ...putDocument, json: Buffer.alloc(1024 * 1024 + 1, ' ') }), 'then[0].json'],
  ['a document that is no UTF-8', then({ ...putDocument, json: Buffer.of(0x22, 0xff, 0x22) }), 'then[0].json'],
  [
    'terms of no definition',
    then({ ...putDocument, basis: { ...basis, definition: index(0) } }),
    'then[0].basis.definition',
  ],
  ['a document patched without terms', then({ type: 'patch', target: document, json, basis: null }), 'then[0].basis'],
  ['a value patched with terms', then({ type: 'patch', target: key, json, basis }), 'then[0].basis'],
  [
    'a key deleted with terms',
    then({ type: 'delete', target: key, known: { revision: 1, terms: [], changed: [] } }),
    'then[0].known',
  ],
  ['a field without a name', then({ ...add, field: '' }), 'then[0].field'],
  ['a long field', then({ ...add, field: 'x'.repeat(129) }), 'then[0].field'],
  ['an amount that is no number', then({ ...add, amount: Number.NaN }), 'then[0].amount'],
  ['an infinite bound', then({ ...add, max: Number.POSITIVE_INFINITY }), 'then[0].max'],
  ['bounds that are crossed', then({ ...add, min: 2, max: 1 }), 'then[0].max'],
  ['an empty page', then({ type: 'range', prefix: '', after: null, limit: 0, keysOnly: true }), 'then[0].limit'],
  ['a long page', then({ type: 'range', prefix: '', after: null, limit: 1001, keysOnly: true }), 'then[0].limit'],
  [
    'a page after no key',
    then({ type: 'range', prefix: '', after: '\udfff', limit: 1, keysOnly: true }),
    'then[0].after',
  ],
  [
    'a key that is written twice',
    then(put, { type: 'get', target: key }, { ...add, target: key }),
    'then[2].target.key',
  ],
  [
    'a document that is written twice',
    then(putDocument, { type: 'delete', target: document, known: null }),
    'then[1].target.id',
  ],
  ['a range over a key before it', then(put, { type: 'deleteRange', prefix: 'k' }), 'then[0].key'],
  [
    'a range over a key behind it',
    then({ type: 'deleteRange', prefix: '' }, { ...add, target: key }),
    'then[1].target.key',
  ],
  ['a range twice', then({ type: 'deleteRange', prefix: 'a' }, { type: 'deleteRange', prefix: 'a' }), 'then[1].prefix'],
  [
    'a range in a range',
    then({ type: 'deleteRange', prefix: 'a/b' }, { type: 'deleteRange', prefix: 'a/' }),
    'then[0].prefix',
  ],
  [
    'terms that are not sorted',
    withTerms({ field: 'f', kind: 'term', terms: ['b', 'a'] }),
    'then[0].basis.terms[0].terms',
  ],
  [
    'terms by their UTF-16 units',
    withTerms({ field: 'f', kind: 'term', terms: ['𐀀', '\uffff'] }),
    'then[0].basis.terms[0].terms',
  ],
  ['a text among numbers', withTerms({ field: 'f', kind: 'number', terms: [1, 'a'] }), 'then[0].basis.terms[0].terms'],
  ['a number among words', withTerms({ field: 'f', kind: 'words', terms: [1] }), 'then[0].basis.terms[0].terms'],
  [
    'an infinite term',
    withTerms({ field: 'f', kind: 'number', terms: [Number.POSITIVE_INFINITY] }),
    'then[0].basis.terms[0].terms',
  ],
  ['a long term', withTerms({ field: 'f', kind: 'term', terms: ['x'.repeat(257)] }), 'then[0].basis.terms[0].terms'],
  [
    'one index twice',
    withTerms({ field: 'f', kind: 'term', terms: [] }, { field: 'f', kind: 'term', terms: ['a'] }),
    'then[0].basis.terms[1]',
  ],
  [
    '1025 terms',
    withTerms(
      { field: 'f', kind: 'number', terms: Array.from({ length: 1024 }, (_, nth) => nth) },
      { field: 'g', kind: 'number', terms: [1] },
    ),
    'then[0].basis.terms',
  ],
  ['a negative revision', knowing(-1, []), 'then[0].basis.known.revision'],
  ['a changed field without a name', knowing(1, ['a', '']), 'then[0].basis.known.changed[1]'],
  ['257 changed fields', knowing(1, Array(257).fill('a')), 'then[0].basis.known.changed'],
  [
    'a fraction of a version',
    { ...nothing, compares: [{ of: 'version', target: key, is: '=', number: 1.5 }] },
    'compares[0].number',
  ],
  [
    'an order of texts',
    { ...nothing, compares: [{ of: 'field', target: key, field: 'f', is: '<', scalar: 'a' }] },
    'compares[0].scalar',
  ],
  [
    'an infinite scalar',
    { ...nothing, compares: [{ of: 'field', target: key, field: 'f', is: '=', scalar: Number.NEGATIVE_INFINITY }] },
    'compares[0].scalar',
  ],
  [
    'compares that contradict each other',
    {
      ...nothing,
      compares: [
        { of: 'exists', target: document, is: true },
        { of: 'exists', target: key, is: false },
        { of: 'version', target: document, is: '=', number: 0 },
      ],
    },
    'compares[2]',
  ],
];

for (const [title, transaction, path] of unsound) {
  test(`a transaction is refused, and where: ${title}`, (t) => {
    const found = transactionProblem(transaction);
    t.is(found?.path, path);
    t.regex(found?.problem ?? '', /\w{3,}/);
  });
}

test('nothing is wrong with transactions of any shape', (t) => {
  const random = createRandom(8);
  for (let round = 0; round < 2000; round += 1) t.is(transactionProblem(randomTransaction(random)), null);
});
