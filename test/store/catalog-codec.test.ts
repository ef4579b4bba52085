import test from 'ava';
import { index } from '../../src/raft/types.ts';
import { type IndexNumber, indexNumber } from '../../src/store/collection.ts';
import type { Command } from '../../src/store/command.ts';
import { decodeCommand, encodeCommand } from '../../src/store/command-codec.ts';
import { type Operation, type Transaction, transactionLimits } from '../../src/store/transaction.ts';
import { randomCatalogCommand, stamp } from './catalog-commands.ts';
import { createRandom } from './random.ts';

const book = { type: 'document', collection: 'c', id: '9' } as const;
const terms = [
  { field: 'n', kind: 'number', terms: [1] },
  { field: 't', kind: 'term', terms: ['a', 'b'] },
] as const;

const transaction: Transaction = {
  compares: [
    { of: 'exists', target: book, is: true },
    { of: 'version', target: book, is: '>=', number: 2 },
    { of: 'value', key: 'k', is: '!=', value: Buffer.from('v') },
    { of: 'field', target: book, field: 'n', is: '>', scalar: 1.5 },
    { of: 'field', target: book, field: 't', is: '=', scalar: 'é' },
    { of: 'field', target: book, field: 'u', is: '=', scalar: null },
  ],
  then: [
    { type: 'get', target: book },
    { type: 'range', prefix: 'p', after: 'q', limit: 1000, keysOnly: false },
    { type: 'put', key: 'k', value: Buffer.from('v'), contentType: 'a/b', ttlMs: 5 },
    {
      type: 'putDocument',
      collection: 'c',
      id: '8',
      json: Buffer.from('{}'),
      ttlMs: null,
      basis: { definition: index(3), terms, known: { revision: 6, terms: [], changed: ['n'] } },
    },
    { type: 'add', target: book, field: 'n', amount: -1, min: 0, max: null },
  ],
  otherwise: [
    { type: 'patch', target: book, json: Buffer.from('{}'), basis: { definition: index(3), terms: [] } },
    { type: 'delete', target: { type: 'key', key: 'k' }, known: null },
    { type: 'deleteRange', prefix: 'p' },
  ],
};

const stampBytes = '0000000000000007000000000000000c000000000000000a';
const bookBytes = '01 000163 000139';
const numberOne = '3ff0000000000000';

const written: readonly (readonly [command: Command, hex: string])[] = [
  [
    { type: 'transaction', stamp, idempotency: { key: 'k1', fingerprint: Buffer.alloc(32, 0xab) }, transaction },
    `0104 ${stampBytes} 01 00026b31 ${'ab'.repeat(32)}
    0006
    00 ${bookBytes} 01
    01 ${bookBytes} 05 0000000000000002
    04 00016b 01 00000001 76
    05 ${bookBytes} 00016e 04 03 3ff8000000000000
    05 ${bookBytes} 000174 00 04 00000002 c3a9
    05 ${bookBytes} 000175 00 00
    0005
    00 ${bookBytes}
    01 000170 01 000171 03e8 00
    02 00016b 0003612f62 01 0000000000000005 00000001 76
    03 000163 000138 00
       0000000000000003 0002 00016e 02 0001 ${numberOne} 000174 00 0002 000161 000162
       01 0000000000000006 0000 0001 00016e
       00000002 7b7d
    05 ${bookBytes} 00016e bff0000000000000 01 0000000000000000 00
    0003
    04 ${bookBytes} 01 0000000000000003 0000 00000002 7b7d
    06 00 00016b 00
    07 000170`,
  ],
  [
    {
      type: 'tick',
      stampMs: 1_790_000_000_000,
      expired: [
        { target: { type: 'key', key: 'k' }, modRevision: index(8) },
        { target: book, modRevision: index(9) },
      ],
      forgotten: ['q'],
    },
    `0105 000001a0c4506c00 0002 00 00016b 0000000000000008 ${bookBytes} 0000000000000009 0001 000171`,
  ],
  [
    {
      type: 'define',
      stamp,
      name: 'c',
      definition: { idField: 'id', indexes: [{ field: 'w', kind: 'words' }] },
      replaces: 0,
    },
    `0106 ${stampBytes} 000163 01 0000000000000000 01 00026964 0001 000177 01`,
  ],
  [{ type: 'define', stamp, name: 'c', definition: null, replaces: null }, `0106 ${stampBytes} 000163 00 00`],
  [
    {
      type: 'build',
      collection: index(4),
      index: indexNumber(index(5), 0),
      from: null,
      to: '2',
      documents: [
        { id: '1', modRevision: index(6), terms: ['a'] },
        { id: '2', modRevision: index(7), terms: [1] },
      ],
    },
    `0107 0000000000000004 00000000000000a0 00 01 000132 0002
    000131 0000000000000006 00 0001 000161
    000132 0000000000000007 01 0001 ${numberOne}`,
  ],
];

for (const [command, hex] of written) {
  test(`the bytes of a ${command.type} are as written down: ${hex.slice(0, 4)}, ${hex.length} digits`, (t) => {
    const bytes = hex.replaceAll(/\s/g, '');
    t.is(Buffer.from(encodeCommand(command)).toString('hex'), bytes);
    t.deepEqual(decodeCommand(Buffer.from(bytes, 'hex')), command);
  });

  test(`every cut of a ${command.type} is refused, and so is anything behind its end: ${hex.length} digits`, (t) => {
    const bytes = encodeCommand(command);
    for (let length = 0; length < bytes.length; length += 1) t.is(decodeCommand(bytes.subarray(0, length)), null);
    t.is(decodeCommand(Buffer.concat([bytes, Buffer.of(0)])), null);
  });

  test(`every changed byte of a ${command.type} is refused, or is another command: ${hex.length} digits`, (t) => {
    const bytes = Buffer.from(encodeCommand(command));
    for (let offset = 0; offset < bytes.length; offset += 1) {
      const before = bytes[offset] ?? 0;
      for (const flipped of [before ^ 1, before ^ 0x80, 0, 0xff]) {
        bytes[offset] = flipped;
        const decoded = decodeCommand(bytes);
        if (decoded !== null) t.deepEqual(encodeCommand(decoded), bytes);
      }
      bytes[offset] = before;
    }
    t.deepEqual(decodeCommand(bytes), command);
  });
}

test('whatever is encoded decodes to the same command', (t) => {
  const random = createRandom(5);
  const types = new Map<string, number>();
  for (let round = 0; round < 3000; round += 1) {
    const command = randomCatalogCommand(random);
    t.deepEqual(decodeCommand(encodeCommand(command)), command);
    const parts = command.type === 'transaction' ? [...command.transaction.then, ...command.transaction.otherwise] : [];
    for (const { type } of [command, ...parts]) types.set(type, (types.get(type) ?? 0) + 1);
  }
  t.is(types.size, 12);
  for (const [type, count] of types) t.true(count > 200, type);
});

test('random damage is refused, or is another command that encodes to the same bytes', (t) => {
  const random = createRandom(6);
  const samples = Array.from({ length: 300 }, () => encodeCommand(randomCatalogCommand(random)));
  let decoded = 0;
  for (let round = 0; round < 30_000; round += 1) {
    const bytes = Buffer.from(random.pick(samples));
    for (let flips = random.below(4); flips >= 0; flips -= 1) bytes[random.below(bytes.length)] = random.below(256);
    const command = decodeCommand(bytes);
    if (command === null) continue;
    decoded += 1;
    t.deepEqual(encodeCommand(command), bytes);
  }
  t.true(decoded > 3000 && decoded < 29_000, `${decoded} of 30000 were commands`);
});

test('values are views of the bytes', (t) => {
  const bytes = encodeCommand(written[0]?.[0] as Command);
  const decoded = decodeCommand(bytes);
  const put = decoded?.type === 'transaction' ? decoded.transaction.then[2] : undefined;
  t.is(put?.type === 'put' ? put.value.buffer : null, bytes.buffer);
});

test('-0 is written as 0, and is read from no bytes', (t) => {
  const commandOf = (amount: number): Command => {
    const operation: Operation = { type: 'add', target: book, field: 'n', amount, min: null, max: null };
    return {
      type: 'transaction',
      stamp,
      idempotency: null,
      transaction: { compares: [], then: [operation], otherwise: [] },
    };
  };
  const bytes = Buffer.from(encodeCommand(commandOf(-0)));
  t.deepEqual(bytes, encodeCommand(commandOf(0)));
  const amountOffset = bytes.length - 2 - 2 - 8;
  for (const hex of ['8000000000000000', '7ff0000000000000', 'fff0000000000000', '7ff8000000000000']) {
    bytes.write(hex, amountOffset, 'hex');
    t.is(decodeCommand(bytes), null, hex);
  }
  bytes.write(numberOne, amountOffset, 'hex');
  t.deepEqual(decodeCommand(bytes), commandOf(1));
});

const unsound: Record<string, Command> = {
  'an idempotency key of 256 characters': {
    ...(written[0]?.[0] as Extract<Command, { type: 'transaction' }>),
    idempotency: { key: 'k'.repeat(256), fingerprint: Buffer.alloc(32) },
  },
  'an idempotency key with a line feed': {
    ...(written[0]?.[0] as Extract<Command, { type: 'transaction' }>),
    idempotency: { key: 'k\n', fingerprint: Buffer.alloc(32) },
  },
  'a short fingerprint': {
    ...(written[0]?.[0] as Extract<Command, { type: 'transaction' }>),
    idempotency: { key: 'k', fingerprint: Buffer.alloc(31) },
  },
  'a stamp of no session': {
    type: 'define',
    stamp: { ...stamp, session: index(0) },
    name: 'c',
    definition: null,
    replaces: null,
  },
  'a time with a fraction': { type: 'tick', stampMs: 0.5, expired: [], forgotten: [] },
  'an expiry that is listed twice': {
    type: 'tick',
    stampMs: 1,
    expired: [
      { target: book, modRevision: index(8) },
      { target: book, modRevision: index(9) },
    ],
    forgotten: [],
  },
  '256 expiries': {
    type: 'tick',
    stampMs: 1,
    expired: Array.from({ length: 256 }, (_, nth) => ({
      target: { type: 'key', key: `${nth}` },
      modRevision: index(1),
    })),
    forgotten: [],
  },
  'an expiry of no revision': {
    type: 'tick',
    stampMs: 1,
    expired: [{ target: book, modRevision: index(0) }],
    forgotten: [],
  },
  'a collection without a name': { type: 'define', stamp, name: '', definition: null, replaces: null },
  'an index that is there twice': {
    type: 'define',
    stamp,
    name: 'c',
    definition: {
      idField: 'id',
      indexes: [
        { field: 'f', kind: 'term' },
        { field: 'f', kind: 'term' },
      ],
    },
    replaces: null,
  },
  '33 indexes': {
    type: 'define',
    stamp,
    name: 'c',
    definition: {
      idField: 'id',
      indexes: Array.from({ length: 33 }, (_, nth) => ({ field: `${nth}`, kind: 'term' as const })),
    },
    replaces: null,
  },
  'a negative revision to replace': { type: 'define', stamp, name: 'c', definition: null, replaces: -1 },
  'a build of no index': {
    type: 'build',
    collection: index(1),
    index: 0 as IndexNumber,
    from: null,
    to: null,
    documents: [],
  },
  'a build that goes backwards': {
    type: 'build',
    collection: index(1),
    index: 2 as IndexNumber,
    from: 'b',
    to: 'a',
    documents: [],
  },
  'a build with an empty cursor': {
    type: 'build',
    collection: index(1),
    index: 2 as IndexNumber,
    from: '',
    to: null,
    documents: [],
  },
  'a built document behind the cursor': {
    ...{ type: 'build', collection: index(1), index: 2 as IndexNumber, from: null, to: 'a' },
    documents: [{ id: 'b', modRevision: index(3), terms: [] }],
  },
  'a built document that was built before': {
    ...{ type: 'build', collection: index(1), index: 2 as IndexNumber, from: 'b', to: null },
    documents: [{ id: 'b', modRevision: index(3), terms: [] }],
  },
  'built documents by the order of their UTF-16 units': {
    ...{ type: 'build', collection: index(1), index: 2 as IndexNumber, from: null, to: null },
    documents: [
      { id: '𐀀', modRevision: index(3), terms: [] },
      { id: '\uffff', modRevision: index(3), terms: [] },
    ],
  },
  '1001 built documents': {
    ...{ type: 'build', collection: index(1), index: 2 as IndexNumber, from: null, to: null },
    documents: Array.from({ length: 1001 }, (_, nth) => ({ id: `${nth + 1000}`, modRevision: index(3), terms: [] })),
  },
  'terms that are there twice': {
    ...{ type: 'build', collection: index(1), index: 2 as IndexNumber, from: null, to: null },
    documents: [{ id: 'b', modRevision: index(3), terms: ['a', 'a'] }],
  },
  'terms that are no numbers': {
    ...{ type: 'build', collection: index(1), index: 2 as IndexNumber, from: null, to: null },
    documents: [{ id: 'b', modRevision: index(3), terms: [1, Number.NaN] }],
  },
  'more than an entry holds': {
    ...{ type: 'build', collection: index(1), index: 2 as IndexNumber, from: null, to: null },
    documents: Array.from({ length: 1000 }, (_, nth) => {
      const texts = Array.from({ length: 8 }, (_each, digit) => `${digit}`.repeat(200));
      return { id: `${nth + 1000}`, modRevision: index(3), terms: texts };
    }),
  },
};

for (const [title, command] of Object.entries(unsound)) {
  test(`no bytes stand for ${title}`, (t) => {
    t.throws(() => encodeCommand(command), { name: 'InvariantError' });
  });
}

test('no terms are no numbers', (t) => {
  const built = { id: 'b', modRevision: index(3), terms: [] };
  const command: Command = {
    type: 'build',
    collection: index(1),
    index: 2 as IndexNumber,
    from: null,
    to: null,
    documents: [built],
  };
  const bytes = Buffer.from(encodeCommand(command));
  t.deepEqual(decodeCommand(bytes), command);
  bytes.writeUInt8(1, bytes.length - 3);
  t.is(decodeCommand(bytes), null);
});

test('what is malformed is refused in a moment, however much of it there is', (t) => {
  const huge = Buffer.alloc(8 * 1024 * 1024, 0);
  for (const type of [4, 5, 6, 7]) {
    huge.write(`010${type}`, 'hex');
    for (const bytes of [huge, huge.subarray(0, transactionLimits.encodedBytesMax)]) t.is(decodeCommand(bytes), null);
  }
});
