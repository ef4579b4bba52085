/** Answers the requests of gateways: decode, propose or confirm, answer. Total: whatever comes in, a value goes out. */
import { unreachable } from '../raft/assert.ts';
import type { ProposalOutcome, RaftNode } from '../raft/node.ts';
import { type Index, index } from '../raft/types.ts';
import type { CommandResult, Query, QueryResult } from './command.ts';
import { decodeCommand } from './command-codec.ts';
import type { ReadReply, ReadRequest, ReplicaStatus, StoreReply, WriteReply } from './protocol.ts';
import { decodeStoreRequest, encodeStatus, encodeStoreReply } from './protocol-codec.ts';

export interface StoreServerOptions {
  readonly node: Pick<RaftNode<CommandResult>, 'propose' | 'confirmRead' | 'confirmIndex' | 'awaitApplied' | 'staleMs'>;
  readonly query: (query: Query) => Promise<QueryResult>;
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

export function createStoreServer({ node, query, status, diskFull, observer }: StoreServerOptions): StoreServer {
  async function write(commands: readonly Uint8Array[]): Promise<readonly WriteReply[]> {
    const replies: WriteReply[] = new Array(commands.length);
    const proposed: Uint8Array[] = [];
    const positions: number[] = [];
    for (const [position, command] of commands.entries()) {
      if (diskFull()) {
        replies[position] = { type: 'diskFull' };
      } else if (decodeCommand(command) === null) {
        replies[position] = { type: 'invalid', reason: 'not a well-formed command within the limits' };
      } else {
        proposed.push(command);
        positions.push(position);
      }
    }
    const outcomes = await node.propose(proposed);
    for (const [nth, outcome] of outcomes.entries()) replies[positions[nth] as number] = replyTo(outcome);
    for (const reply of replies) observer.proposed(reply.type);
    return replies;
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
      default:
        return unreachable(request);
    }
  }

  return {
    handle: async (bytes) => encodeStoreReply(await answer(bytes)),
    pingInfo: () => encodeStatus(status()),
  };
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

function sizeOf(result: QueryResult): number {
  const items = result.type === 'list' ? result.items : result.item === null ? [] : [result.item];
  return items.reduce(
    // A UTF-16 unit takes at most three bytes of UTF-8.
    (total, { key, contentType, value }) =>
      total + 3 * (key.length + contentType.length) + (value?.length ?? 0) + itemOverheadBytes,
    itemOverheadBytes,
  );
}
