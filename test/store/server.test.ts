import test from 'ava';
import type { ProposalOutcome } from '../../src/raft/node.ts';
import { type Index, index, term } from '../../src/raft/types.ts';
import { indexNumber } from '../../src/store/collection.ts';
import { type Command, type CommandResult, limits, type Query, type QueryResult } from '../../src/store/command.ts';
import { encodeCommand } from '../../src/store/command-codec.ts';
import type { ReplicaStatus, StoreReply, StoreRequest } from '../../src/store/protocol.ts';
import { decodeStatus, decodeStoreReply, encodeStoreRequest } from '../../src/store/protocol-codec.ts';
import { rpcBytesMax } from '../../src/store/rpc.ts';
import { createStoreServer } from '../../src/store/server.ts';
import { transactionLimits } from '../../src/store/transaction.ts';
import type { ChangesQuery, ChangesResult } from '../../src/store/watch.ts';

const status: ReplicaStatus = {
  id: 'r1',
  clusterId: 'c',
  bootId: 3,
  role: 'leader',
  state: 'normal',
  term: term(2),
  leader: 'r1',
  firstIndex: index(1),
  lastIndex: index(9),
  commitIndex: index(9),
  publishIndex: index(9),
  appliedIndex: index(9),
  claimIndex: null,
  leaderChanges: 1,
  stateDigest: '0123456789abcdef',
  message: null,
};

function setUp(given: {
  readonly outcomes?: (commands: readonly Uint8Array[]) => readonly ProposalOutcome<CommandResult>[];
  readonly confirmed?: boolean;
  readonly confirmedIndex?: Index | null;
  readonly query?: (query: Query) => QueryResult;
  readonly changes?: (query: ChangesQuery) => ChangesResult | null | Promise<ChangesResult | null>;
  readonly stampBefore?: (commands: readonly Command[]) => Uint8Array | null;
  readonly diskFull?: boolean;
  readonly applied?: boolean;
  readonly staleMs?: number | null;
}) {
  const proposed: Uint8Array[] = [];
  const seen: string[] = [];
  const askedForMs: number[] = [];
  const awaited: (readonly [index: number, timeoutMs: number])[] = [];
  const server = createStoreServer({
    node: {
      propose: async (commands) => {
        proposed.push(...commands);
        return given.outcomes?.(commands) ?? [];
      },
      confirmRead: async () => given.confirmed ?? true,
      confirmIndex: async (timeoutMs) => {
        askedForMs.push(timeoutMs);
        return given.confirmedIndex ?? null;
      },
      awaitApplied: async (at, timeoutMs) => {
        awaited.push([at, timeoutMs]);
        return given.applied ?? true;
      },
      staleMs: () => given.staleMs ?? null,
    },
    stampBefore: (commands) => given.stampBefore?.(commands) ?? null,
    changes: async (query) => given.changes?.(query) ?? null,
    query: async (query) => given.query?.(query) ?? { type: 'get', revision: index(9), item: null },
    status: () => status,
    diskFull: () => given.diskFull ?? false,
    observer: { proposed: (outcome) => seen.push(outcome), readIndexed: (outcome) => seen.push(outcome) },
  });
  const ask = async (request: StoreRequest): Promise<StoreReply | null> =>
    decodeStoreReply(await server.handle(encodeStoreRequest(request)));
  return { server, ask, proposed, seen, askedForMs, awaited };
}

const get: Query = { type: 'get', key: 'a', withValue: true };
const open = encodeCommand({ type: 'openSession' });
const applied = (at: number): ProposalOutcome<CommandResult> => ({
  type: 'applied',
  index: index(at),
  result: { type: 'sessionOpened', session: index(at) },
});

test('each command is answered in its place, and only well-formed ones are proposed', async (t) => {
  const { ask, proposed, seen } = setUp({ outcomes: () => [applied(10), { type: 'unknown' }] });
  const reply = await ask({ type: 'write', timeoutMs: 1000, commands: [open, Buffer.from('nonsense'), open] });
  t.is(proposed.length, 2);
  t.deepEqual(reply?.type === 'write' && reply.replies.map((each) => each.type), ['done', 'invalid', 'unknown']);
  t.deepEqual(seen, ['done', 'invalid', 'unknown']);
});

test('a full disk refuses writes before they reach the log', async (t) => {
  const { ask, proposed } = setUp({ diskFull: true });
  const reply = await ask({ type: 'write', timeoutMs: 1000, commands: [open] });
  t.is(proposed.length, 0);
  t.deepEqual(reply, { type: 'write', replies: [{ type: 'diskFull' }] });
});

test('a read that no leader confirms reads nothing', async (t) => {
  let queries = 0;
  const { ask } = setUp({
    confirmed: false,
    query: () => {
      queries++;
      return { type: 'get', revision: index(9), item: null };
    },
  });
  t.deepEqual(await ask({ type: 'read', timeoutMs: 10, queries: [get, get] }), {
    type: 'read',
    replies: [{ type: 'unavailable' }, { type: 'unavailable' }],
  });
  t.is(queries, 0);
});

test('a stale read asks for no confirmation, and says how old its answers may be', async (t) => {
  const { ask, seen, awaited } = setUp({ confirmed: false, staleMs: 12.5 });
  const request = { type: 'read', timeoutMs: 10, queries: [get, get], consistency: 'stale' } as const;
  const done = { type: 'done', result: { type: 'get', revision: index(9), item: null } } as const;
  t.deepEqual(await ask(request), { type: 'read', replies: [done, done], ageMs: 12.5 });
  t.deepEqual(await setUp({}).ask(request), { type: 'read', replies: [done, done], ageMs: null });
  t.deepEqual(seen, []);
  t.deepEqual(awaited, [[0, 10]]);
});

test('a stale read whose revision is not applied in time reads nothing', async (t) => {
  const { ask, awaited } = setUp({ applied: false, query: () => t.fail() as never });
  t.deepEqual(
    await ask({ type: 'read', timeoutMs: 10, queries: [get], consistency: 'stale', minRevision: index(12) }),
    { type: 'read', replies: [{ type: 'unavailable' }] },
  );
  t.deepEqual(awaited, [[12, 10]]);
});

test('a read index is the one that the driver confirmed, or null', async (t) => {
  const { ask, seen, askedForMs } = setUp({ confirmedIndex: index(12) });
  t.deepEqual(await ask({ type: 'readIndex', timeoutMs: 40 }), { type: 'readIndex', index: index(12) });
  const refusing = setUp({});
  t.deepEqual(await refusing.ask({ type: 'readIndex', timeoutMs: 40 }), { type: 'readIndex', index: null });
  t.deepEqual([...seen, ...refusing.seen], ['confirmed', 'unavailable']);
  t.deepEqual(askedForMs, [40]);
});

/** The largest page there can be: full of values, and of the longest keys and content types. */
function largestPage(): QueryResult {
  const items = Array.from({ length: limits.listItemsMax }, (_, nth) => ({
    key: String(nth).padStart(limits.keyBytesMax, 'k'),
    createRevision: 1,
    modRevision: 1,
    version: 1,
    contentType: 'x'.repeat(limits.contentTypeBytesMax),
    sizeBytes: 4096,
    value: Buffer.alloc(limits.listBytesMax / limits.listItemsMax + 1),
  }));
  return { type: 'list', revision: 9 as Index, items, more: true };
}

test('many of the largest pages at once stay within a frame; the rest is asked again', async (t) => {
  const page = largestPage();
  const { server } = setUp({ query: () => page });
  const list: Query = { type: 'list', prefix: '', after: null, limit: 1000, keysOnly: false };
  const bytes = await server.handle(
    encodeStoreRequest({ type: 'read', timeoutMs: 1000, queries: Array.from({ length: 60 }, () => list) }),
  );
  t.true(bytes.length < rpcBytesMax, `${bytes.length}`);
  const reply = decodeStoreReply(bytes);
  t.deepEqual(reply?.type === 'read' && reply.replies.map((each) => each.type), [
    'done',
    ...Array.from({ length: 59 }, () => 'full'),
  ]);
});

test('many of the largest results at once stay within a frame; the rest is asked for again', async (t) => {
  const json = Buffer.alloc(transactionLimits.resultBytesMax);
  const document = { id: '1', createRevision: 1, modRevision: 1, version: 1, expiresAtMs: null, json };
  const results = [{ type: 'document', document }] as const;
  const result = { type: 'transaction', revision: index(9), succeeded: true, results, replayed: false } as const;
  const { server, seen } = setUp({
    outcomes: (commands) => commands.map((_, nth) => ({ type: 'applied', index: index(nth + 1), result })),
  });
  const commands = Array.from({ length: 256 }, () => open);
  const bytes = await server.handle(encodeStoreRequest({ type: 'write', timeoutMs: 1000, commands }));
  t.true(bytes.length < rpcBytesMax, `${bytes.length}`);
  const reply = decodeStoreReply(bytes);
  const types = reply?.type === 'write' ? reply.replies.map((each) => each.type) : [];
  t.deepEqual(types, [...Array(15).fill('done'), ...Array(241).fill('unknown')]);
  t.deepEqual(seen, Array(256).fill('done'));
});

test('what the leader alone may say nobody proposes to it', async (t) => {
  const { ask, proposed } = setUp({});
  const of = { collection: index(1), index: indexNumber(index(1), 0) };
  const commands = [
    encodeCommand({ type: 'tick', stampMs: 1, expired: [], forgotten: [] }),
    encodeCommand({ type: 'build', ...of, from: null, to: null, documents: [] }),
    encodeCommand({ type: 'sweep', ...of, rows: [], isLast: true }),
  ];
  const reply = await ask({ type: 'write', timeoutMs: 1000, commands });
  t.deepEqual(reply?.type === 'write' && reply.replies.map((each) => each.type), ['invalid', 'invalid', 'invalid']);
  t.is(proposed.length, 0);
});

test('the time is stated before commands that depend on it, in the same proposal, and is not answered for', async (t) => {
  const tick = encodeCommand({ type: 'tick', stampMs: 5, expired: [], forgotten: [] });
  const asked: (readonly Command[])[] = [];
  const { ask, proposed, seen } = setUp({
    stampBefore(commands) {
      asked.push(commands);
      return tick;
    },
    outcomes: () => [{ type: 'applied', index: index(9), result: { type: 'noted' } }, applied(10), { type: 'unknown' }],
  });
  const reply = await ask({ type: 'write', timeoutMs: 1000, commands: [open, Buffer.from('nonsense'), open] });
  t.deepEqual(asked, [[{ type: 'openSession' }, { type: 'openSession' }]]);
  t.deepEqual(
    proposed.map((bytes) => Buffer.from(bytes)),
    [tick, open, open].map((bytes) => Buffer.from(bytes)),
  );
  t.deepEqual(reply?.type === 'write' && reply.replies.map((each) => each.type), ['done', 'invalid', 'unknown']);
  t.deepEqual(seen, ['done', 'invalid', 'unknown']);
});

test('bytes that are no request are answered, and the status rides on pings', async (t) => {
  const { server } = setUp({});
  t.is(decodeStoreReply(await server.handle(Buffer.from('what?')))?.type, 'error');
  t.deepEqual(decodeStatus(server.pingInfo()), status);
});

const question = { after: index(9), skip: 0, watched: null, limit: 10, waitMs: 500 } as const;

test('a question for changes is handed on as it is, and so is its answer', async (t) => {
  const seen: ChangesQuery[] = [];
  const result = { type: 'compacted', compactedRevision: index(12) } as const;
  const { ask } = setUp({
    changes(query) {
      seen.push(query);
      return result;
    },
  });
  t.deepEqual(await ask({ type: 'changes', query: question }), { type: 'changes', result });
  t.deepEqual(seen, [question]);
});

test('a replica that has not come so far cannot say what has changed', async (t) => {
  const { ask } = setUp({ changes: () => ({ type: 'changes', changes: [], through: index(8), skip: 0 }) });
  t.deepEqual(await ask({ type: 'changes', query: question }), { type: 'changes', result: null });
});

test('questions that wait are bounded, and hold up nothing else', async (t) => {
  const waiting = Promise.withResolvers<ChangesResult>();
  const { ask } = setUp({ changes: () => waiting.promise });
  const asked = Array.from({ length: 256 }, () => ask({ type: 'changes', query: question }));
  t.deepEqual(await ask({ type: 'changes', query: question }), { type: 'changes', result: null });
  t.like(await ask({ type: 'read', timeoutMs: 100, queries: [get] }), { type: 'read' });
  const result = { type: 'changes', changes: [], through: index(9), skip: 0 } as const;
  waiting.resolve(result);
  t.true((await Promise.all(asked)).every((reply) => reply?.type === 'changes' && reply.result !== null));
  t.deepEqual(await ask({ type: 'changes', query: question }), { type: 'changes', result });
});
