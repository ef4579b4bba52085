/**
 * Requests, replies and status as bytes, in the form of wire.ts. Commands and values are in the tail.
 */
import { invariant, unreachable } from '../raft/assert.ts';
import { type Index, index, term } from '../raft/types.ts';
import {
  decodeChangesRequest,
  decodeChangesResult,
  encodeChangesRequest,
  encodeChangesResult,
} from './changes-codec.ts';
import type { Consistency, ReadReply, ReadRequest, ReplicaStatus, StoreReply, StoreRequest } from './protocol.ts';
import { decodeQuery, decodeQueryResult, encodeQuery, encodeQueryResult, queryResultFieldsMax } from './query-codec.ts';
import {
  choice,
  decodeWire,
  encodeWire,
  list,
  MalformedError,
  natural,
  orNull,
  type Tail,
  text,
  tuple,
} from './wire.ts';
import { decodeWriteReply, encodeWriteReply } from './write-reply-codec.ts';

/** Commands or queries in one request, at most. */
export const requestItemsMax = 4096;
/** A caller who would wait longer is understood to wait this long. */
export const timeoutMsMax = 3_600_000;

const nameLengthMax = 512;
const sentenceLengthMax = 2048;

/** Positions are on the wire: add at the end. */
const requestTypes = ['write', 'read', 'status', 'readIndex', 'changes'] as const;
const replyTypes = ['write', 'read', 'status', 'error', 'readIndex', 'changes'] as const;
const consistencies: readonly Consistency[] = ['linearizable', 'stale'];
const refusalTypes = ['unavailable', 'full'] as const;
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
      const tail: Uint8Array[] = [];
      const fields = [1, boundedTimeout(timeoutMs), queries.map((query) => encodeQuery(query, tail))];
      // The short form is what every version understands; who does not know the long one must not answer it.
      return encodeWire(
        consistency === 'linearizable' ? fields : [...fields, consistencies.indexOf(consistency), minRevision],
        tail,
      );
    }
    case 'status':
      return encodeWire([2]);
    case 'readIndex':
      return encodeWire([3, boundedTimeout(request.timeoutMs)]);
    case 'changes':
      return encodeWire([4, encodeChangesRequest(request.query)]);
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
        return decodeRead(fields, tail);
      case 'status':
        tuple(fields, 1);
        return { type };
      case 'readIndex': {
        const [, timeoutMs] = tuple(fields, 2);
        return { type, timeoutMs: timeout(timeoutMs) };
      }
      case 'changes': {
        const [, query] = tuple(fields, 2);
        return { type, query: decodeChangesRequest(query) };
      }
      default:
        return unreachable(type);
    }
  });
}

function decodeRead(fields: readonly unknown[], tail: Tail): ReadRequest {
  const isLong = fields.length > 3;
  const [, timeoutMs, queries, consistency, minRevision] = tuple(fields, isLong ? 5 : 3);
  const request = {
    type: 'read',
    timeoutMs: timeout(timeoutMs),
    queries: list(queries, requestItemsMax).map((query) => decodeQuery(query, tail)),
  } as const;
  if (!isLong) return request;
  return { ...request, consistency: choice(consistency, consistencies), minRevision: indexOf(minRevision) };
}

/** The caller keeps the values within what an RPC frame holds. */
export function encodeStoreReply(reply: StoreReply): Uint8Array {
  switch (reply.type) {
    case 'write': {
      const tail: Uint8Array[] = [];
      const replies = reply.replies.map((each) => encodeWriteReply(each, tail));
      return encodeWire([0, replies], tail);
    }
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
    case 'changes': {
      const tail: Uint8Array[] = [];
      return encodeWire([5, reply.result && encodeChangesResult(reply.result, tail)], tail);
    }
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
        return { type, replies: list(content, requestItemsMax).map((each) => decodeWriteReply(each, tail)) };
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
      case 'changes':
        return { type, result: orNull(content, (result) => decodeChangesResult(result, tail)) };
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

function encodeReadReply(reply: ReadReply, tail: Uint8Array[]): readonly unknown[] {
  switch (reply.type) {
    case 'unavailable':
      return [0];
    case 'full':
      return [1];
    case 'done': {
      const [type, ...fields] = encodeQueryResult(reply.result, tail);
      return [refusalTypes.length + type, ...fields];
    }
    default:
      return unreachable(reply);
  }
}

function decodeReadReply(value: unknown, tail: Tail): ReadReply {
  const [position, ...fields] = list(value, 1 + queryResultFieldsMax);
  const type = natural(position);
  if (type >= refusalTypes.length) {
    return { type: 'done', result: decodeQueryResult(type - refusalTypes.length, fields, tail) };
  }
  tuple(fields, 0);
  return { type: choice(type, refusalTypes) };
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
