import test from 'ava';
import { check } from '../../../src/gateway/schemas/check.ts';
import { collectionBody } from '../../../src/gateway/schemas/collection.ts';
import { employeeBody, employeePatchBody } from '../../../src/gateway/schemas/employee.ts';
import { bookUpdateBody, orderBody } from '../../../src/gateway/schemas/order.ts';
import { transactionBody } from '../../../src/gateway/schemas/transaction.ts';

const person = { firstName: 'Ada', lastName: 'Lovelace', position: 'Analyst', salary: 4200 };

const misfits = [
  [employeeBody, [], '', 'expected an object, got an array of 0'],
  [
    employeeBody,
    { ...person, firstName: '  ' },
    '/firstName',
    'expected a text of 1 to 100 characters that are not all white space, got ""',
  ],
  [
    employeeBody,
    { ...person, lastName: 'x'.repeat(101) },
    '/lastName',
    `expected a text of 1 to 100 characters that are not all white space, got "${'x'.repeat(64)}…"`,
  ],
  [employeeBody, { ...person, salary: -1 }, '/salary', 'expected a number, 0 or more, got -1'],
  [employeeBody, { ...person, salary: '1' }, '/salary', 'expected a number, 0 or more, got "1"'],
  [employeeBody, { ...person, salary: undefined }, '/salary', 'is missing: expected a number, 0 or more'],
  [employeeBody, { ...person, id: 1 }, '/id', 'unknown member "id": expected firstName, lastName, position, salary'],
  [employeePatchBody, {}, '', 'nothing to change: expected one of firstName, lastName, position, salary at least'],
  [orderBody, { book: '1', quantity: 0 }, '/quantity', 'expected a whole number from 1 to 1000, got 0'],
  [orderBody, { book: '1', quantity: -3 }, '/quantity', 'expected a whole number from 1 to 1000, got -3'],
  [orderBody, { book: '1', quantity: 1.5 }, '/quantity', 'expected a whole number from 1 to 1000, got 1.5'],
  [orderBody, { book: '1', quantity: 1001 }, '/quantity', 'expected a whole number from 1 to 1000, got 1001'],
  [orderBody, { book: {}, quantity: 1 }, '/book', 'expected the id of a book, such as "1", got an object'],
  [orderBody, { quantity: 1 }, '/book', 'is missing: expected the id of a book, such as "1"'],
  // Under its wrong name it is missing too: what was misspelt says more.
  [orderBody, { bok: '1' }, '/bok', 'unknown member "bok": expected book, quantity'],
  [
    orderBody,
    JSON.parse('{"book":"1","__proto__":1}'),
    '/__proto__',
    'unknown member "__proto__": expected book, quantity',
  ],
  [bookUpdateBody, { price: -1 }, '/price', 'expected a whole number, 0 or more, got -1'],
  [bookUpdateBody, {}, '', 'nothing to change: expected price (in cents), quantity, or both'],
  [
    collectionBody,
    { indexes: [{ field: 'a', kind: 'text' }] },
    '/indexes/0/kind',
    'expected one of term, words, number, got "text"',
  ],
  [
    collectionBody,
    {
      indexes: [
        { field: 'a', kind: 'term' },
        { field: 'a', kind: 'term' },
      ],
    },
    '/indexes/1',
    'there is an index of kind term on this field already: leave one out',
  ],
  [
    collectionBody,
    { indexes: {} },
    '/indexes',
    'expected an array of at most 32 indexes, each with field and kind, got an object',
  ],
  [transactionBody, { than: [] }, '/than', 'unknown member "than": expected compare, then, else'],
  [transactionBody, { then: [5] }, '/then/0', 'expected an object, got 5'],
  [
    transactionBody,
    { then: [{ key: 'a' }] },
    '/then/0/op',
    'is missing: expected one of get, range, put, patch, add, delete, deleteRange',
  ],
  [
    transactionBody,
    { then: [{ op: 'got', key: 'a' }] },
    '/then/0/op',
    'expected one of get, range, put, patch, add, delete, deleteRange, got "got"',
  ],
  [transactionBody, { then: [{ op: 'get' }] }, '/then/0', 'is incomplete: expected key, or collection and id as well'],
  [
    transactionBody,
    { then: [{ op: 'get', collection: 'a' }] },
    '/then/0/id',
    'is missing: expected the id of a document: a text of 1 to 512 bytes',
  ],
  [
    transactionBody,
    {
      then: [
        { op: 'get', key: 'a' },
        { op: 'put', key: 'a' },
      ],
    },
    '/then/1',
    'is incomplete: expected value, or valueBase64, or json as well',
  ],
  [transactionBody, { else: [{ op: 'put', key: 'a', value: 5 }] }, '/else/0/value', 'expected a text, got 5'],
  [
    transactionBody,
    { else: [{ op: 'put', key: 'a', value: 'a', valueBase64: '' }] },
    '/else/0',
    'expected one of valueBase64 and value, got both',
  ],
  [
    transactionBody,
    { else: [{ op: 'put', key: 'a', value: 'a', ttl: 5 }] },
    '/else/0/ttl',
    'expected a duration such as 500ms, 30s, 5m, 24h or 7d, got 5',
  ],
  [
    transactionBody,
    { else: [{ op: 'put', key: '', value: 'a' }] },
    '/else/0/key',
    'expected a key: a text of 1 to 1024 bytes, got ""',
  ],
  [
    transactionBody,
    { then: [{ op: 'add', collection: 'a', id: 'b', field: 'c', amount: 'd' }] },
    '/then/0/amount',
    'expected a finite number, got "d"',
  ],
  [
    transactionBody,
    { then: [{ op: 'get', key: 'a', of: 'b' }] },
    '/then/0/of',
    'unknown member "of": expected op, key',
  ],
  [
    transactionBody,
    { compare: [{ key: 'a', of: 'exists', is: '<', value: true }] },
    '/compare/0/is',
    'expected one of =, !=, got "<"',
  ],
  [
    transactionBody,
    { compare: [{ key: 'a', of: 'field', field: 'b', value: [] }] },
    '/compare/0/value',
    'expected a text, a number, true, false or null, got an array of 0',
  ],
  [
    transactionBody,
    { compare: [{ key: 'a', of: 'size', value: 1 }] },
    '/compare/0/of',
    'expected one of exists, version, modRevision, createRevision, value, field, got "size"',
  ],
  [
    transactionBody,
    {
      then: Array(127).fill({ op: 'get', key: 'a' }),
      else: [
        { op: 'get', key: 'a' },
        { op: 'get', key: 'a' },
      ],
    },
    '',
    'expected at most 128 parts in compare, then and else together, got 129: make several transactions of it',
  ],
  [
    transactionBody,
    { compare: [{ key: 'a', of: 'value', is: '>', value: '1' }] },
    '/compare/0/is',
    'expected one of =, !=, got ">"',
  ],
  [
    transactionBody,
    { compare: [{ key: 'a', of: 'value', is: '>=', valueBase64: 'MQ==' }] },
    '/compare/0/is',
    'expected one of =, !=, got ">="',
  ],
  [
    transactionBody,
    { compare: [{ key: 'a', of: 'value', is: '==', value: '1' }] },
    '/compare/0/is',
    'expected one of =, !=, got "=="',
  ],
  [
    transactionBody,
    { compare: [{ collection: 'a', id: '1', of: 'version', is: '==', value: 1 }] },
    '/compare/0/is',
    'expected one of =, !=, <, <=, >, >=, got "=="',
  ],
] as const;

for (const [schema, value, path, problem] of misfits) {
  test(`what is wrong is told with its place: ${path} ${problem}`, (t) => {
    t.deepEqual(check<unknown>(schema, value), { type: 'misfit', path, problem });
  });
}

test('what was left out is there afterwards', (t) => {
  t.deepEqual(check(orderBody, { book: 7 }), { type: 'fits', value: { book: '7', quantity: 1 } });
  t.deepEqual(check(collectionBody, {}), { type: 'fits', value: { idField: 'id', indexes: [] } });
  t.deepEqual(check(employeeBody, { ...person, firstName: ' Ada ' }), { type: 'fits', value: person });
  t.deepEqual(check(transactionBody, { then: [{ op: 'range', prefix: '' }] }), {
    type: 'fits',
    value: { compare: [], then: [{ op: 'range', prefix: '', limit: 100, keysOnly: false }], else: [] },
  });
});

test('documents are taken as they are, whatever their members are called', (t) => {
  const document = JSON.parse('{"id":"1","__proto__":{"a":1},"constructor":null}');
  const checked = check(transactionBody, { then: [{ op: 'put', collection: 'a', id: '1', document }] });
  t.is(checked.type, 'fits');
  if (checked.type !== 'fits') return;
  t.is(JSON.stringify(checked.value.then[0]), JSON.stringify({ op: 'put', collection: 'a', id: '1', document }));
});
