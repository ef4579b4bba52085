import test from 'ava';
import { InvariantError, unreachable } from '../../src/raft/assert.ts';
import { index, term } from '../../src/raft/types.ts';
import {
  type Follow,
  type GatewayEvent,
  type Granted,
  type Invalidations,
  type LeaderEvent,
  type Refused,
  refusalCauses,
  type TouchedEntry,
} from '../../src/store/invalidation.ts';
import {
  decodeGatewayEvent,
  decodeLeaderEvent,
  encodeBatch,
  encodeEnded,
  encodeGatewayEvent,
  encodeGranted,
  encodeInvalidations,
  encodeRefused,
  streamIdLengthMax,
  touchedEntriesMax,
} from '../../src/store/invalidation-codec.ts';
import { decodeMessages } from '../../src/store/message-codec.ts';
import { touchesMax } from '../../src/store/touch.ts';
import { encodeWire } from '../../src/store/wire.ts';
import { type Codec, testMalformed } from './malformed.ts';
import { createRandom } from './random.ts';

const follow: Follow = {
  type: 'follow',
  lineage: 'c0ffee',
  streamId: '5f3a',
  nth: 2 ** 33,
  term: term(7),
  published: index(2 ** 40),
};
const follows: readonly Follow[] = [follow, { ...follow, term: term(0), published: index(0), lineage: '' }];

const invalidations: Invalidations = {
  type: 'invalidations',
  lineage: 'c0ffee',
  streamId: '5f3a',
  term: term(7),
  from: index(2 ** 40),
  to: index(2 ** 40 + 300),
  publishIndex: index(2 ** 40 - 2),
  touches: [
    { index: index(2 ** 40 + 1), touches: [0, 0xffffffff, 0x80000000] },
    { index: index(2 ** 40 + 2), touches: 'everything' },
    { index: index(2 ** 40 + 300), touches: [1] },
  ],
};
const events: readonly Invalidations[] = [
  invalidations,
  { ...invalidations, from: index(9), to: index(9), publishIndex: index(12), touches: [] },
];

const encodeEvent = (message: Invalidations) => encodeInvalidations(message.streamId, encodeBatch(message));
const ended = encodeEnded('5f3a');
const asked: readonly GatewayEvent[] = [
  { type: 'renew', streamId: '5f3a', request: 2 ** 33 },
  { type: 'confirmed', streamId: '5f3a', term: term(7), through: index(2 ** 40) },
  { type: 'released', streamId: '5f3a', request: 2 ** 33 },
];
const granted: Granted = {
  type: 'granted',
  streamId: '5f3a',
  request: 2 ** 33,
  term: term(7),
  index: index(2 ** 40),
  leaseMs: 250,
};

const refused = refusalCauses.map(
  (cause): Refused => ({ type: 'refused', streamId: '5f3a', request: 12, cause, forMs: 30_000 }),
);

function encodeLeaderEvent(event: LeaderEvent): Uint8Array {
  switch (event.type) {
    case 'invalidations':
      return encodeEvent(event);
    case 'ended':
      return encodeEnded(event.streamId);
    case 'granted':
      return encodeGranted(event);
    case 'refused':
      return encodeRefused(event);
    default:
      return unreachable(event);
  }
}

test('what gateways and leaders say comes back as it was', (t) => {
  for (const message of [...follows, ...asked]) t.deepEqual(decodeGatewayEvent(encodeGatewayEvent(message)), message);
  for (const message of events) t.deepEqual(decodeLeaderEvent(encodeEvent(message)), message);
  t.deepEqual(decodeLeaderEvent(encodeGranted(granted)), granted);
  for (const message of refused) t.deepEqual(decodeLeaderEvent(encodeRefused(message)), message);
  t.deepEqual(decodeLeaderEvent(ended), { type: 'ended', streamId: '5f3a' });
});

test('one batch serves streams of any name', (t) => {
  const batch = encodeBatch(invalidations);
  for (const streamId of ['a', 'b'.repeat(streamIdLengthMax)]) {
    t.deepEqual(decodeLeaderEvent(encodeInvalidations(streamId, batch)), { ...invalidations, streamId });
  }
});

test('what is decoded shares no memory with the bytes', (t) => {
  const bytes = encodeEvent(invalidations);
  const decoded = decodeLeaderEvent(bytes);
  bytes.fill(0);
  t.deepEqual(decoded, invalidations);
});

test('every event begins with its version, and another version is not read', (t) => {
  for (const [bytes, decode] of [
    [encodeGatewayEvent(follow), decodeGatewayEvent],
    [encodeEvent(invalidations), decodeLeaderEvent],
    [encodeEnded('5f3a'), decodeLeaderEvent],
  ] as const) {
    t.is(bytes[0], 1);
    t.not(decode(bytes), null);
    bytes[0] = 2;
    t.is(decode(bytes), null);
  }
  const otherBatch = encodeBatch(invalidations);
  otherBatch[0] = 2;
  t.is(decodeLeaderEvent(encodeInvalidations('5f3a', otherBatch)), null);
});

test('neither side takes the other one’s events for its own, nor does the consensus', (t) => {
  t.is(decodeLeaderEvent(encodeGatewayEvent(follow)), null);
  for (const bytes of [encodeEvent(invalidations), ended]) t.is(decodeGatewayEvent(bytes), null);
  for (const bytes of [encodeGatewayEvent(follow), encodeEvent(invalidations), ended])
    t.is(decodeMessages(bytes), null);
});

test('the size of a batch is bounded at both ends', (t) => {
  const touched = (count: number, touches: TouchedEntry['touches']): Invalidations => ({
    ...invalidations,
    from: index(0),
    to: index(count),
    touches: Array.from({ length: count }, (_, nth) => ({ index: index(nth + 1), touches })),
  });
  for (const most of [touched(touchedEntriesMax, [1]), touched(1, Array(touchesMax).fill(1))]) {
    t.deepEqual(decodeLeaderEvent(encodeEvent(most)), most);
  }
  for (const wrong of [
    touched(touchedEntriesMax + 1, [1]),
    touched(1, Array(touchesMax + 1).fill(1)),
    touched(1, []),
    touched(1, [-1]),
    touched(1, [2 ** 32]),
    touched(1, [0.5]),
  ]) {
    t.throws(() => encodeBatch(wrong), { instanceOf: InvariantError });
  }
});

const batchOf = (counts: unknown, tail = 0, to: unknown = 20) =>
  encodeInvalidations('s', encodeWire(['l', 1, 10, to, 5, counts], [new Uint8Array(4 * tail)]));

test('a batch is not understood', (t) => {
  t.not(decodeLeaderEvent(batchOf([1, 1, 10, 2], 3)), null);
  const wrong: Readonly<Record<string, Uint8Array>> = {
    'that ends before it begins': batchOf([], 0, 9),
    'with an entry at its beginning': batchOf([0, 1], 1),
    'with an entry beyond its end': batchOf([11, 1], 1),
    'with an entry twice': batchOf([3, 1, 3, 1], 2),
    'with entries out of order': batchOf([3, 1, 2, 1], 2),
    'with an index alone': batchOf([3, 1, 4], 1),
    'with fewer touches than it says': batchOf([3, 2], 1),
    'with more touches than it says': batchOf([3, 1], 2),
    'with too many touches of one entry': batchOf([3, touchesMax + 1], touchesMax + 1),
    'with too many entries': batchOf(Array.from({ length: 2 * (touchedEntriesMax + 1) }, () => 0)),
    'with a count that is no number': batchOf([3, '1'], 1),
    'with an index beyond all numbers': batchOf([Number.MAX_SAFE_INTEGER, 0]),
  };
  for (const [title, bytes] of Object.entries(wrong)) t.is(decodeLeaderEvent(bytes), null, title);
});

test('names are bounded', (t) => {
  const long = 'x'.repeat(streamIdLengthMax + 1);
  t.is(decodeGatewayEvent(encodeGatewayEvent({ ...follow, streamId: long })), null);
  t.is(decodeGatewayEvent(encodeGatewayEvent({ ...follow, lineage: 'x'.repeat(513) })), null);
  t.is(decodeLeaderEvent(encodeEnded(long)), null);
  t.is(decodeLeaderEvent(encodeEvent({ ...invalidations, streamId: long })), null);
  t.is(decodeLeaderEvent(encodeEvent({ ...invalidations, lineage: 'x'.repeat(513) })), null);
});

const codecs: readonly Codec[] = [
  {
    title: 'event of a gateway',
    encoded: [...follows, ...asked].map(encodeGatewayEvent),
    decode: decodeGatewayEvent,
    again(bytes) {
      const decoded = decodeGatewayEvent(bytes);
      return decoded && decodeGatewayEvent(encodeGatewayEvent(decoded));
    },
  },
  {
    title: 'event of a leader',
    encoded: [...events.map(encodeEvent), ended, encodeGranted(granted), ...refused.map(encodeRefused)],
    decode: decodeLeaderEvent,
    again(bytes) {
      const decoded = decodeLeaderEvent(bytes);
      if (decoded === null) return null;
      return decodeLeaderEvent(encodeLeaderEvent(decoded));
    },
  },
];

for (const codec of codecs) testMalformed(codec);

test('bytes of no meaning are malformed', (t) => {
  const random = createRandom(7);
  for (let round = 0; round < 2000; round++) {
    const bytes = Buffer.from(Array.from({ length: random.below(64) }, () => random.below(256)));
    if (bytes.length > 0) bytes[0] = 1;
    t.is(decodeGatewayEvent(bytes), null);
    t.is(decodeLeaderEvent(bytes), null);
  }
});
