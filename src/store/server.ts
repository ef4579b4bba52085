/** Answers the requests of gateways: decode, propose or confirm, answer. Total: whatever comes in, a value goes out. */
import { unreachable } from '../raft/assert.ts';
import type { ProposalOutcome, RaftNode } from '../raft/node.ts';
import { type Index, index } from '../raft/types.ts';
import type { Collection } from './collection.ts';
import type { Command, CommandResult, KeyValue, Query, QueryResult } from './command.ts';
import { decodeCommand } from './command-codec.ts';
import type { ReadReply, ReadRequest, ReplicaStatus, StoreReply, WriteReply } from './protocol.ts';
import { decodeStoreRequest, encodeStatus, encodeStoreReply } from './protocol-codec.ts';
import { resultBytes } from './result-codec.ts';
import type { Document, OperationResult } from './transaction.ts';
import type { ChangesQuery, ChangesResult } from './watch.ts';

export interface StoreServerOptions {
  readonly node: Pick<RaftNode<CommandResult>, 'propose' | 'confirmRead' | 'confirmIndex' | 'awaitApplied' | 'staleMs'>;
  readonly query: (query: Query) => Promise<QueryResult>;
  /** What is to stand in the log before these commands; null: nothing. */
  readonly stampBefore: (commands: readonly Command[]) => Uint8Array | null;
  /** Waits as long as the query allows, and not beyond the replica's life. Null: this replica cannot say. */
  readonly changes: (query: ChangesQuery) => Promise<ChangesResult | null>;
  readonly status: () => ReplicaStatus;
  /** True while the disk has no room for more: writes are refused before they reach the log. */
  readonly diskFull: () => boolean;
  readonly observer: StoreServerObserver;
}

/** Told of everything asked of this replica, for metrics. */
export interface StoreServerObserver {
  proposed(outcome: WriteReply['type']): void;
  readIndexed(outcome: 'confirmed' | 'unavailable'): void;
}

export interface StoreServer {
  /** Never rejects for anything that is in the bytes; a failed read of the disk does. */
  handle(bytes: Uint8Array): Promise<Uint8Array>;
  pingInfo(): Uint8Array;
}

/**
 * Answers fill a message up to here; the rest is asked for again. A single answer may be larger, up to a full page of a
 * list, which fits a frame. Small messages let pings through.
 */
const replyBytesMax = 1024 * 1024;
/** Numbers, lengths and names around an item's strings and value. */
const itemOverheadBytes = 128;

/**
 * Questions for changes that may be open at once: each may wait for seconds and then hold a page. A gateway has one that
 * waits, and some that read pages. Whoever is one too many asks another replica.
 */
const changesOpenMax = 256;

export function createStoreServer(options: StoreServerOptions): StoreServer {
  const { node, query, stampBefore, status, diskFull, observer } = options;
  let changesOpen = 0;

  async function write(commands: readonly Uint8Array[]): Promise<readonly WriteReply[]> {
    const replies: WriteReply[] = new Array(commands.length);
    const proposed: Uint8Array[] = [];
    const positions: number[] = [];
    const decoded: Command[] = [];
    for (const [position, bytes] of commands.entries()) {
      const command = decodeCommand(bytes);
      if (diskFull()) {
        replies[position] = { type: 'diskFull' };
      } else if (command === null || !isOfClients(command)) {
        replies[position] = { type: 'invalid', reason: 'not a well-formed command within the limits' };
      } else {
        proposed.push(bytes);
        positions.push(position);
        decoded.push(command);
      }
    }
    const stamp = stampBefore(decoded);
    const outcomes = await node.propose(stamp === null ? proposed : [stamp, ...proposed]);
    const ofClients = stamp === null ? outcomes : outcomes.slice(1);
    for (const [nth, outcome] of ofClients.entries()) replies[positions[nth] as number] = replyTo(outcome);
    for (const reply of replies) observer.proposed(reply.type);
    return withinMessage(replies);
  }

  async function read(queries: readonly Query[], timeoutMs: number): Promise<readonly ReadReply[]> {
    const confirmed = await node.confirmRead(timeoutMs);
    observer.readIndexed(confirmed ? 'confirmed' : 'unavailable');
    return confirmed ? answers(queries) : unavailable(queries);
  }

  async function readStale({ queries, timeoutMs, minRevision = index(0) }: ReadRequest): Promise<StoreReply> {
    if (!(await node.awaitApplied(minRevision, timeoutMs))) return { type: 'read', replies: unavailable(queries) };
    // Before it is read: what is shown later is at least as new.
    const ageMs = node.staleMs();
    return { type: 'read', replies: await answers(queries), ageMs };
  }

  async function answers(queries: readonly Query[]): Promise<readonly ReadReply[]> {
    const replies: ReadReply[] = [];
    let bytes = 0;
    for (const each of queries) {
      if (bytes >= replyBytesMax) break;
      const result = await query(each);
      const size = sizeOf(result);
      if (bytes > 0 && bytes + size > replyBytesMax) break;
      bytes += size;
      replies.push({ type: 'done', result });
    }
    while (replies.length < queries.length) replies.push({ type: 'full' });
    return replies;
  }

  async function readIndex(timeoutMs: number): Promise<Index | null> {
    const confirmed = await node.confirmIndex(timeoutMs);
    observer.readIndexed(confirmed === null ? 'unavailable' : 'confirmed');
    return confirmed;
  }

  async function changes(asked: ChangesQuery): Promise<ChangesResult | null> {
    if (changesOpen >= changesOpenMax) return null;
    changesOpen += 1;
    try {
      const result = await options.changes(asked);
      return result?.type === 'changes' && result.through < asked.after ? null : result;
    } finally {
      changesOpen -= 1;
    }
  }

  async function answer(bytes: Uint8Array): Promise<StoreReply> {
    const request = decodeStoreRequest(bytes);
    if (request === null) return { type: 'error', reason: 'not a request of a version known here' };
    switch (request.type) {
      case 'write':
        return { type: 'write', replies: await write(request.commands) };
      case 'read':
        if (request.consistency === 'stale') return readStale(request);
        return { type: 'read', replies: await read(request.queries, request.timeoutMs) };
      case 'status':
        return { type: 'status', status: status() };
      case 'readIndex':
        return { type: 'readIndex', index: await readIndex(request.timeoutMs) };
      case 'changes':
        return { type: 'changes', result: await changes(request.query) };
      default:
        return unreachable(request);
    }
  }

  return {
    handle: async (bytes) => encodeStoreReply(await answer(bytes)),
    pingInfo: () => encodeStatus(status()),
  };
}

/** What does not fit is asked for again: the session has kept it. */
function withinMessage(replies: readonly WriteReply[]): readonly WriteReply[] {
  let bytes = 0;
  return replies.map((reply) => {
    if (reply.type !== 'done' || reply.result.type !== 'transaction') return reply;
    const size = resultBytes(reply.result);
    if (bytes > 0 && bytes + size > replyBytesMax) return { type: 'unknown' };
    bytes += size;
    return reply;
  });
}

/** What time it is, and where a build stands, the leader alone says. */
function isOfClients(command: Command): boolean {
  return 'stamp' in command || command.type === 'openSession';
}

function unavailable(queries: readonly Query[]): readonly ReadReply[] {
  return queries.map(() => ({ type: 'unavailable' }));
}

function replyTo(outcome: ProposalOutcome<CommandResult>): WriteReply {
  switch (outcome.type) {
    case 'applied':
      return { type: 'done', result: outcome.result };
    case 'notLeader':
    case 'overloaded':
    case 'unknown':
      return outcome;
    default:
      return unreachable(outcome);
  }
}

/** In bytes, about. */
function sizeOf(result: QueryResult): number {
  switch (result.type) {
    case 'get':
      return itemOverheadBytes + (result.item === null ? 0 : sizeOfItem(result.item));
    case 'list':
      return sum(result.items, sizeOfItem);
    case 'document':
      return itemOverheadBytes + (result.document === null ? 0 : sizeOfDocument(result.document));
    case 'search':
      return result.result.type === 'found' ? sum(result.result.documents, sizeOfDocument) : itemOverheadBytes;
    case 'transaction':
      return result.result.type === 'transaction' ? sum(result.result.results, sizeOfPart) : itemOverheadBytes;
    case 'collection':
      return itemOverheadBytes + (result.collection === null ? 0 : sizeOfCollection(result.collection));
    case 'collections':
      return sum(result.collections, sizeOfCollection);
    case 'digests':
      return sum(result.digests, () => 0);
    default:
      return unreachable(result);
  }
}

function sum<T>(parts: readonly T[], sizeOfEach: (part: T) => number): number {
  return parts.reduce((total, part) => total + itemOverheadBytes + sizeOfEach(part), itemOverheadBytes);
}

/** A UTF-16 unit takes at most three bytes of UTF-8. */
function sizeOfItem({ key, contentType, value }: KeyValue): number {
  return 3 * (key.length + contentType.length) + (value?.length ?? 0);
}

function sizeOfDocument({ id, json }: Document): number {
  return 3 * id.length + (json?.length ?? 0);
}

function sizeOfPart(part: OperationResult): number {
  if (part.type === 'key') return part.item === null ? 0 : sizeOfItem(part.item);
  if (part.type === 'document') return part.document === null ? 0 : sizeOfDocument(part.document);
  return part.type === 'range' ? sum(part.items, sizeOfItem) : 0;
}

function sizeOfCollection({ name, idField, indexes }: Collection): number {
  return 3 * (name.length + idField.length) + sum(indexes, ({ field }) => 3 * field.length);
}
