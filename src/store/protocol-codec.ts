/**
 * Requests, replies and status as bytes, in the form of wire.ts. Commands and values are in the tail.
 */
import { invariant, unreachable } from '../raft/assert.ts';
import { type Index, index, term } from '../raft/types.ts';
import { type CommandResult, type KeyValue, keyProblem, limits, type Query, type QueryResult } from './command.ts';
import type {
  Consistency,
  ReadReply,
  ReadRequest,
  ReplicaStatus,
  StoreReply,
  StoreRequest,
  WriteReply,
} from './protocol.ts';
import {
  choice,
  decodeWire,
  encodeWire,
  flag,
  list,
  MalformedError,
  natural,
  orNull,
  type Tail,
  text,
  tuple,
} from './wire.ts';

/** Commands or queries in one request, at most. */
export const requestItemsMax = 4096;
/** A caller who would wait longer is understood to wait this long. */
export const timeoutMsMax = 3_600_000;

const nameLengthMax = 512;
const sentenceLengthMax = 2048;

/** Positions are on the wire: add at the end. */
const requestTypes = ['write', 'read', 'status', 'readIndex'] as const;
const replyTypes = ['write', 'read', 'status', 'error', 'readIndex'] as const;
const queryTypes = ['get', 'list'] as const;
const consistencies: readonly Consistency[] = ['linearizable', 'stale'];
const readReplyTypes = ['unavailable', 'full', 'get', 'list'] as const;
/** Refusals, and the results of those that were done. */
const writeReplyTypes = [
  'notLeader',
  'overloaded',
  'invalid',
  'diskFull',
  'unknown',
  'sessionOpened',
  'put',
  'deleted',
  'notFound',
  'preconditionFailed',
  'sessionExpired',
  'invalidCommand',
] as const;
const roles = ['follower', 'preCandidate', 'candidate', 'leader'] as const;
const states = ['normal', 'recovering'] as const;

/** At most `requestItemsMax` commands or queries: an InvariantError otherwise. */
export function encodeStoreRequest(request: StoreRequest): Uint8Array {
  switch (request.type) {
    case 'write': {
      const { timeoutMs, commands } = request;
      checkItems(commands);
      return encodeWire([0, boundedTimeout(timeoutMs), commands.map((command) => command.length)], commands);
    }
    case 'read': {
      const { timeoutMs, queries, consistency = 'linearizable', minRevision = 0 } = request;
      checkItems(queries);
      const fields = [1, boundedTimeout(timeoutMs), queries.map(encodeQuery)];
      // The short form is what every version understands; who does not know the long one must not answer it.
      return encodeWire(
        consistency === 'linearizable' ? fields : [...fields, consistencies.indexOf(consistency), minRevision],
      );
    }
    case 'status':
      return encodeWire([2]);
    case 'readIndex':
      return encodeWire([3, boundedTimeout(request.timeoutMs)]);
    default:
      return unreachable(request);
  }
}

/** Null if malformed. Commands are views of one copy of all of them. */
export function decodeStoreRequest(bytes: Uint8Array): StoreRequest | null {
  return decodeWire(bytes, (head, tail): StoreRequest => {
    const fields = list(head, 5);
    const type = choice(fields[0], requestTypes);
    switch (type) {
      case 'write': {
        const [, timeoutMs, lengths] = tuple(fields, 3);
        const commands = list(lengths, requestItemsMax).map((length) => tail.take(length));
        return { type, timeoutMs: timeout(timeoutMs), commands };
      }
      case 'read':
        return decodeRead(fields);
      case 'status':
        tuple(fields, 1);
        return { type };
      case 'readIndex': {
        const [, timeoutMs] = tuple(fields, 2);
        return { type, timeoutMs: timeout(timeoutMs) };
      }
      default:
        return unreachable(type);
    }
  });
}

function decodeRead(fields: readonly unknown[]): ReadRequest {
  const isLong = fields.length > 3;
  const [, timeoutMs, queries, consistency, minRevision] = tuple(fields, isLong ? 5 : 3);
  const request = {
    type: 'read',
    timeoutMs: timeout(timeoutMs),
    queries: list(queries, requestItemsMax).map(decodeQuery),
  } as const;
  if (!isLong) return request;
  return { ...request, consistency: choice(consistency, consistencies), minRevision: indexOf(minRevision) };
}

/** The caller keeps the values within what an RPC frame holds. */
export function encodeStoreReply(reply: StoreReply): Uint8Array {
  switch (reply.type) {
    case 'write':
      return encodeWire([0, reply.replies.map(encodeWriteReply)]);
    case 'read': {
      const tail: Uint8Array[] = [];
      const replies = reply.replies.map((each) => encodeReadReply(each, tail));
      return encodeWire(reply.ageMs === undefined ? [1, replies] : [1, replies, reply.ageMs], tail);
    }
    case 'status':
      return encodeWire([2, statusFields(reply.status)]);
    case 'error':
      return encodeWire([3, sentence(reply.reason)]);
    case 'readIndex':
      return encodeWire([4, reply.index]);
    default:
      return unreachable(reply);
  }
}

/** Null if malformed. Values are views of one copy of all of them. */
export function decodeStoreReply(bytes: Uint8Array): StoreReply | null {
  return decodeWire(bytes, (head, tail): StoreReply => {
    const fields = list(head, 3);
    const [replyType, content] = fields;
    const type = choice(replyType, replyTypes);
    if (type !== 'read') tuple(fields, 2);
    switch (type) {
      case 'write':
        return { type, replies: list(content, requestItemsMax).map(decodeWriteReply) };
      case 'read': {
        const replies = list(content, requestItemsMax).map((reply) => decodeReadReply(reply, tail));
        return fields.length < 3 ? { type, replies } : { type, replies, ageMs: orNull(fields[2], duration) };
      }
      case 'status':
        return { type, status: readStatus(content) };
      case 'error':
        return { type, reason: text(content, sentenceLengthMax) };
      case 'readIndex':
        return { type, index: orNull(content, indexOf) };
      default:
        return unreachable(type);
    }
  });
}

export function encodeStatus(status: ReplicaStatus): Uint8Array {
  return encodeWire(statusFields(status));
}

/** Null if malformed. */
export function decodeStatus(bytes: Uint8Array): ReplicaStatus | null {
  return decodeWire(bytes, readStatus);
}

function encodeQuery(query: Query): readonly unknown[] {
  switch (query.type) {
    case 'get':
      return [0, query.key, query.withValue];
    case 'list':
      return [1, query.prefix, query.after, query.limit, query.keysOnly];
    default:
      return unreachable(query);
  }
}

function decodeQuery(value: unknown): Query {
  const fields = list(value, 5);
  const type = choice(fields[0], queryTypes);
  switch (type) {
    case 'get': {
      const [, key, withValue] = tuple(fields, 3);
      return { type, key: keyText(key), withValue: flag(withValue) };
    }
    case 'list': {
      const [, prefix, after, itemsMax, keysOnly] = tuple(fields, 5);
      const limit = natural(itemsMax);
      if (limit < 1 || limit > limits.listItemsMax) throw new MalformedError();
      return {
        type,
        prefix: keyPrefix(prefix),
        after: orNull(after, keyPrefix),
        limit,
        keysOnly: flag(keysOnly),
      };
    }
    default:
      return unreachable(type);
  }
}

function encodeWriteReply(reply: WriteReply): readonly unknown[] {
  switch (reply.type) {
    case 'notLeader':
      return [0, reply.leader];
    case 'overloaded':
      return [1];
    case 'invalid':
      return [2, sentence(reply.reason)];
    case 'diskFull':
      return [3];
    case 'unknown':
      return [4];
    case 'done':
      return encodeResult(reply.result);
    default:
      return unreachable(reply);
  }
}

function encodeResult(result: CommandResult): readonly unknown[] {
  switch (result.type) {
    case 'sessionOpened':
      return [5, result.session];
    case 'put':
      return [6, result.revision, result.version, result.created];
    case 'deleted':
      return [7, result.revision];
    case 'notFound':
      return [8];
    case 'preconditionFailed':
      return [9, result.revision];
    case 'sessionExpired':
      return [10];
    case 'invalidCommand':
      return [11];
    default:
      return unreachable(result);
  }
}

function decodeWriteReply(value: unknown): WriteReply {
  const fields = list(value, 4);
  const type = choice(fields[0], writeReplyTypes);
  switch (type) {
    case 'notLeader':
      return { type, leader: orNull(tuple(fields, 2)[1], name) };
    case 'invalid':
      return { type, reason: text(tuple(fields, 2)[1], sentenceLengthMax) };
    case 'overloaded':
    case 'diskFull':
    case 'unknown':
      tuple(fields, 1);
      return { type };
    case 'sessionOpened':
      return { type: 'done', result: { type, session: indexOf(tuple(fields, 2)[1]) } };
    case 'put': {
      const [, revision, version, created] = tuple(fields, 4);
      const result = { type, revision: indexOf(revision), version: natural(version), created: flag(created) };
      return { type: 'done', result };
    }
    case 'deleted':
      return { type: 'done', result: { type, revision: indexOf(tuple(fields, 2)[1]) } };
    case 'preconditionFailed':
      return { type: 'done', result: { type, revision: natural(tuple(fields, 2)[1]) } };
    case 'notFound':
    case 'sessionExpired':
    case 'invalidCommand':
      tuple(fields, 1);
      return { type: 'done', result: { type } };
    default:
      return unreachable(type);
  }
}

function encodeReadReply(reply: ReadReply, tail: Uint8Array[]): readonly unknown[] {
  switch (reply.type) {
    case 'unavailable':
      return [0];
    case 'full':
      return [1];
    case 'done':
      return encodeQueryResult(reply.result, tail);
    default:
      return unreachable(reply);
  }
}

function encodeQueryResult(result: QueryResult, tail: Uint8Array[]): readonly unknown[] {
  switch (result.type) {
    case 'get':
      return [2, result.revision, result.item && encodeItem(result.item, tail)];
    case 'list':
      return [3, result.revision, result.items.map((item) => encodeItem(item, tail)), result.more];
    default:
      return unreachable(result);
  }
}

function decodeReadReply(value: unknown, tail: Tail): ReadReply {
  const fields = list(value, 4);
  const type = choice(fields[0], readReplyTypes);
  switch (type) {
    case 'unavailable':
    case 'full':
      tuple(fields, 1);
      return { type };
    case 'get': {
      const [, revision, item] = tuple(fields, 3);
      const result = { type, revision: indexOf(revision), item: orNull(item, (each) => decodeItem(each, tail)) };
      return { type: 'done', result };
    }
    case 'list': {
      const [, revision, items, more] = tuple(fields, 4);
      const decoded = list(items, limits.listItemsMax).map((item) => decodeItem(item, tail));
      return { type: 'done', result: { type, revision: indexOf(revision), items: decoded, more: flag(more) } };
    }
    default:
      return unreachable(type);
  }
}

function encodeItem(item: KeyValue, tail: Uint8Array[]): readonly unknown[] {
  const { key, createRevision, modRevision, version, contentType, sizeBytes, value } = item;
  if (value !== undefined) tail.push(value);
  return [key, createRevision, modRevision, version, contentType, sizeBytes, value?.length ?? null];
}

function decodeItem(value: unknown, tail: Tail): KeyValue {
  const [key, createRevision, modRevision, version, contentType, sizeBytes, valueBytes] = tuple(value, 7);
  const item = {
    key: keyText(key),
    createRevision: natural(createRevision),
    modRevision: natural(modRevision),
    version: natural(version),
    contentType: text(contentType, limits.contentTypeBytesMax),
    sizeBytes: natural(sizeBytes),
  };
  return valueBytes === null ? item : { ...item, value: tail.take(valueBytes) };
}

function statusFields(status: ReplicaStatus): readonly unknown[] {
  return [
    status.id,
    status.clusterId,
    status.bootId,
    roles.indexOf(status.role),
    states.indexOf(status.state),
    status.term,
    status.leader,
    status.firstIndex,
    status.lastIndex,
    status.commitIndex,
    status.publishIndex,
    status.appliedIndex,
    status.claimIndex,
    status.leaderChanges,
    status.stateDigest,
    status.message && sentence(status.message),
  ];
}

function readStatus(value: unknown): ReplicaStatus {
  const [
    id,
    clusterId,
    bootId,
    role,
    state,
    currentTerm,
    leader,
    firstIndex,
    lastIndex,
    commitIndex,
    publishIndex,
    appliedIndex,
    claimIndex,
    leaderChanges,
    stateDigest,
    message,
  ] = tuple(value, 16);
  return {
    id: name(id),
    clusterId: name(clusterId),
    bootId: natural(bootId),
    role: choice(role, roles),
    state: choice(state, states),
    term: term(natural(currentTerm)),
    leader: orNull(leader, name),
    firstIndex: indexOf(firstIndex),
    lastIndex: indexOf(lastIndex),
    commitIndex: indexOf(commitIndex),
    publishIndex: indexOf(publishIndex),
    appliedIndex: indexOf(appliedIndex),
    claimIndex: orNull(claimIndex, indexOf),
    leaderChanges: natural(leaderChanges),
    stateDigest: name(stateDigest),
    message: orNull(message, (value) => text(value, sentenceLengthMax)),
  };
}

function checkItems(items: readonly unknown[]): void {
  invariant(items.length <= requestItemsMax, `a request holds at most ${requestItemsMax} items, got ${items.length}`);
}

function boundedTimeout(timeoutMs: number): number {
  return Math.max(0, Math.min(timeoutMs, timeoutMsMax));
}

function timeout(value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= timeoutMsMax)) throw new MalformedError();
  return value;
}

/** Milliseconds, with fractions. */
function duration(value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0 && value < Number.POSITIVE_INFINITY)) throw new MalformedError();
  return value;
}

function keyText(value: unknown): string {
  const key = text(value, limits.keyBytesMax);
  if (keyProblem(key) !== null) throw new MalformedError();
  return key;
}

/** A key, or nothing. */
function keyPrefix(value: unknown): string {
  return value === '' ? '' : keyText(value);
}

function indexOf(value: unknown): Index {
  return index(natural(value));
}

function name(value: unknown): string {
  return text(value, nameLengthMax);
}

/** One overlong line must not make the whole message unreadable. */
function sentence(line: string): string {
  return line.slice(0, sentenceLengthMax);
}
