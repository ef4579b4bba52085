import test from 'ava';
import { InvariantError } from '../../src/raft/assert.ts';
import type { AppendEntries, Message } from '../../src/raft/message.ts';
import { type Configuration, type Entry, index, term } from '../../src/raft/types.ts';
import { decodeMessages, encodeMessages } from '../../src/store/message-codec.ts';
import { createRandom } from './random.ts';

const envelope = { from: 'r1', to: 'r2', term: term(7), uuid: 'a0b1', bootId: 3 };
const last = { term: term(6), index: index(41) };
const configuration: Configuration = {
  voters: ['r1', 'r2', 'r3'],
  votersOutgoing: ['r1'],
  learners: ['r4'],
  members: [{ id: 'r1', uuid: 'a0b1', publicKey: '0f', rpc: '127.0.0.1:7101', http: '127.0.0.1:7201' }],
  gateways: [{ id: 'g1', publicKey: 'f0', http: '127.0.0.1:8080' }],
};
const entries: readonly Entry[] = [
  { type: 'noop', term: term(6), index: index(42) },
  { type: 'command', term: term(6), index: index(43), command: new Uint8Array([1, 2, 3]) },
  { type: 'command', term: term(6), index: index(44), command: new Uint8Array(0) },
  { type: 'configuration', term: term(6), index: index(45), configuration },
  { type: 'command', term: term(7), index: index(46), command: new Uint8Array(300).fill(9) },
];
const append: AppendEntries = {
  type: 'appendEntries',
  ...envelope,
  previous: last,
  entries,
  commitIndex: index(40),
  publishIndex: index(39),
  round: 2 ** 40,
};
const messages: readonly Message[] = [
  { type: 'requestVote', ...envelope, phase: 'preVote', last },
  { type: 'requestVote', ...envelope, phase: 'vote', last },
  { type: 'requestVoteReply', ...envelope, phase: 'vote', granted: true, last, claim: null, quietMs: 0 },
  { type: 'requestVoteReply', ...envelope, phase: 'preVote', granted: false, last, claim: last, quietMs: 41_377 },
  append,
  { ...append, entries: [] },
  { type: 'appendEntriesReply', ...envelope, round: 8, result: { type: 'accepted', matchIndex: index(46) } },
  {
    type: 'appendEntriesReply',
    ...envelope,
    round: 8,
    result: { type: 'rejected', rejectedIndex: index(50), hint: last },
  },
  { type: 'readIndex', ...envelope, requestId: '3.17' },
  { type: 'readIndexReply', ...envelope, requestId: '3.17', readIndex: index(2 ** 52), publishIndex: index(39) },
  { type: 'readIndexReply', ...envelope, requestId: '3.18', readIndex: null, publishIndex: index(0) },
  { type: 'identityRefused', ...envelope, boundUuid: 'c2d3' },
];

for (const [nth, message] of messages.entries()) {
  test(`${message.type} (${nth}) comes back as it was`, (t) => {
    t.deepEqual(decodeMessages(encodeMessages([message])), [message]);
  });
}

test('many messages travel in one frame, each with its term, in order', (t) => {
  const mixed = messages.map((message, nth) => ({ ...message, term: term(nth) }));
  t.deepEqual(decodeMessages(encodeMessages(mixed)), mixed);
});

test('a frame begins with its version, and another version is not read', (t) => {
  const bytes = encodeMessages([append]);
  t.is(bytes[0], 1);
  bytes[0] = 2;
  t.is(decodeMessages(bytes), null);
});

test('what is decoded shares no memory with the bytes', (t) => {
  const bytes = encodeMessages([append]);
  const decoded = decodeMessages(bytes);
  bytes.fill(0);
  t.deepEqual(decoded, [append]);
});

test('bytes that begin in the middle of a block are read', (t) => {
  const bytes = encodeMessages([append]);
  const block = new Uint8Array(bytes.length + 20).fill(255);
  block.set(bytes, 13);
  t.deepEqual(decodeMessages(block.subarray(13, 13 + bytes.length)), [append]);
});

test('messages of two senders or receivers, and entries with a gap, break an invariant', (t) => {
  const [first] = messages as [Message];
  for (const other of [{ from: 'r3' }, { to: 'r3' }, { uuid: 'x' }, { bootId: 4 }]) {
    t.throws(() => encodeMessages([first, { ...first, ...other }]), { instanceOf: InvariantError });
  }
  t.throws(() => encodeMessages([{ ...append, entries: entries.slice(1) }]), { instanceOf: InvariantError });
  t.throws(() => encodeMessages([]), { instanceOf: InvariantError });
});

test('every truncation and every longer frame is malformed', (t) => {
  const bytes = encodeMessages(messages);
  for (let length = 0; length < bytes.length; length++) {
    t.is(decodeMessages(bytes.subarray(0, length)), null, `${length} of ${bytes.length} bytes`);
  }
  t.is(decodeMessages(Buffer.concat([bytes, Buffer.of(0)])), null);
});

test('flipped bytes are malformed, or are read as some messages', (t) => {
  const random = createRandom(20_261);
  const original = encodeMessages(messages);
  let malformed = 0;
  for (let round = 0; round < 5000; round++) {
    const bytes = Buffer.from(original);
    for (let flips = 1 + random.below(4); flips > 0; flips--) bytes[random.below(bytes.length)] = random.below(256);
    const decoded = decodeMessages(bytes);
    if (decoded === null) malformed++;
    else t.deepEqual(decodeMessages(encodeMessages(decoded)), decoded);
  }
  t.true(malformed > 1000 && malformed < 4900, `${malformed} of 5000 were malformed`);
});

test('random bytes, and nesting without end, are malformed', (t) => {
  const random = createRandom(7);
  for (let round = 0; round < 2000; round++) {
    const head = Buffer.from(Array.from({ length: 1 + random.below(40) }, () => random.below(256)));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(head.length);
    t.is(decodeMessages(Buffer.concat([Buffer.of(1), length, head])), null);
  }
  const deep = Buffer.alloc(1_000_005, 0x91);
  deep[0] = 1;
  deep.writeUInt32BE(1_000_000, 1);
  t.is(decodeMessages(deep), null);
});
