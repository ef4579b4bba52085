import test from 'ava';
import { index } from '../../src/raft/types.ts';
import { type Command, limits, noPrecondition, type Precondition } from '../../src/store/command.ts';
import { decodeCommand, encodeCommand } from '../../src/store/command-codec.ts';
import { createRandom } from './random.ts';

const stamp = { session: index(7), sequence: 12, lowestUnanswered: 10 };
const put: Extract<Command, { type: 'put' }> = {
  type: 'put',
  stamp,
  key: 'books/Ω',
  value: Buffer.from('abc'),
  contentType: 'text/plain',
  precondition: noPrecondition,
};
const erase: Command = { type: 'delete', stamp, key: 'k', precondition: noPrecondition };

/** Bytes of a command that encodeCommand would refuse. */
function tampered(command: Command, change: (bytes: Buffer) => void): Uint8Array {
  const bytes = Buffer.from(encodeCommand(command));
  change(bytes);
  return bytes;
}

const stampOffset = 2;
const preconditionOffset = 26;
const keyOffset = 28;

test('the bytes of a put are as written down', (t) => {
  t.is(
    Buffer.from(encodeCommand({ ...put, precondition: { ifMatch: [3], ifNoneMatch: '*' } })).toString('hex'),
    [
      '0102',
      '0000000000000007000000000000000c000000000000000a',
      '010000000000000003fe',
      `0008${Buffer.from('books/Ω').toString('hex')}`,
      `000a${Buffer.from('text/plain').toString('hex')}`,
      '616263',
    ].join(''),
  );
});

test('what is encoded decodes to the same command', (t) => {
  const preconditions: readonly Precondition[] = [
    noPrecondition,
    { ifMatch: '*', ifNoneMatch: [] },
    { ifMatch: [1, Number.MAX_SAFE_INTEGER], ifNoneMatch: '*' },
    { ifMatch: [], ifNoneMatch: new Array(limits.revisionsInPreconditionMax).fill(9) },
  ];
  const far = {
    session: index(Number.MAX_SAFE_INTEGER),
    sequence: Number.MAX_SAFE_INTEGER,
    lowestUnanswered: Number.MAX_SAFE_INTEGER,
  };
  const commands: readonly Command[] = [
    { type: 'openSession' },
    ...preconditions.flatMap((precondition) => [
      { ...put, precondition },
      { ...erase, precondition },
    ]),
    { ...put, key: '\uFEFF𐀀\0'.repeat(2), value: Buffer.alloc(0), contentType: '' },
    { ...put, key: 'k'.repeat(limits.keyBytesMax), value: Buffer.alloc(limits.valueBytesMax, 5) },
    { ...put, contentType: 'a'.repeat(limits.contentTypeBytesMax), stamp: far },
  ];
  for (const command of commands) t.deepEqual(decodeCommand(encodeCommand(command)), command);
});

test('bytes that are not a Buffer decode as well, wherever they begin', (t) => {
  const padded = new Uint8Array([9, 9, ...encodeCommand(put)]);
  t.deepEqual(decodeCommand(padded.subarray(2)), put);
});

test('every cut of a command is refused, and so is anything behind an end', (t) => {
  for (const command of [{ type: 'openSession' } as const, erase]) {
    const bytes = encodeCommand(command);
    for (let length = 0; length < bytes.length; length += 1) t.is(decodeCommand(bytes.subarray(0, length)), null);
    t.is(decodeCommand(Buffer.concat([bytes, Buffer.of(0)])), null);
  }
  const bytes = encodeCommand(put);
  for (let length = 0; length < bytes.length - put.value.length; length += 1) {
    t.is(decodeCommand(bytes.subarray(0, length)), null);
  }
});

test('what is beyond the limits or out of order is refused', (t) => {
  const refused: Record<string, Uint8Array> = {
    version: tampered(put, (bytes) => bytes.writeUInt8(2, 0)),
    type: tampered(put, (bytes) => bytes.writeUInt8(4, 1)),
    'session 0': tampered(put, (bytes) => bytes.fill(0, stampOffset, stampOffset + 8)),
    'unsafe sequence': tampered(put, (bytes) => bytes.writeUInt8(0xff, stampOffset + 8)),
    'lowest unanswered 0': tampered(put, (bytes) => bytes.fill(0, stampOffset + 16, stampOffset + 24)),
    'lowest unanswered above the sequence': tampered(put, (bytes) => bytes.writeUInt8(13, stampOffset + 23)),
    'too many revisions': tampered(put, (bytes) => bytes.writeUInt8(65, preconditionOffset)),
    'empty key': tampered({ ...erase, key: 'k' }, (bytes) => bytes.writeUInt16BE(0, keyOffset)).subarray(0, -1),
    'malformed key': tampered(erase, (bytes) => bytes.writeUInt8(0xff, keyOffset + 2)),
    'content type with a line feed': tampered({ ...erase, ...put, key: 'k' }, (bytes) => bytes.writeUInt8(10, 33)),
    'long value': Buffer.concat([encodeCommand({ ...put, value: Buffer.alloc(limits.valueBytesMax) }), Buffer.of(0)]),
  };
  for (const [name, bytes] of Object.entries(refused)) t.is(decodeCommand(bytes), null, name);
});

test('a command beyond the limits cannot be encoded', (t) => {
  const broken: readonly Command[] = [
    { ...put, key: '' },
    { ...put, key: 'k'.repeat(limits.keyBytesMax + 1) },
    { ...erase, key: '\ud800' },
    { ...put, contentType: 'a\nb' },
    { ...put, contentType: 'a'.repeat(limits.contentTypeBytesMax + 1) },
    { ...put, value: Buffer.alloc(limits.valueBytesMax + 1) },
    { ...put, stamp: { ...stamp, lowestUnanswered: 13 } },
    { ...put, precondition: { ifMatch: new Array(65).fill(1), ifNoneMatch: null } },
  ];
  for (const command of broken) t.throws(() => encodeCommand(command), { name: 'InvariantError' });
});

test('random and damaged bytes decode to null or to a command that encodes to the same bytes', (t) => {
  const random = createRandom(11);
  const samples = [put, erase, { ...put, precondition: { ifMatch: [1, 2], ifNoneMatch: '*' as const } }].map(
    encodeCommand,
  );
  let decoded = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = Buffer.from(random.pick(samples));
    for (let flips = random.below(3); flips >= 0; flips -= 1) bytes[random.below(bytes.length)] = random.below(256);
    const kept = random.below(8) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes;
    const command = decodeCommand(kept);
    if (command === null) continue;
    decoded += 1;
    t.true(kept.equals(encodeCommand(command)));
  }
  t.true(decoded > 1000);
});
