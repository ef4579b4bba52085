/** Messages to r1, written by hand; what a test does not speak of has a value that changes nothing. */
import type {
  AppendEntries,
  AppendEntriesReply,
  IdentityRefused,
  Message,
  ReadIndexReply,
  ReadIndexRequest,
  RequestVote,
  RequestVoteReply,
} from '../../src/raft/message.ts';
import type { Entry, EntryId, Index, ReplicaId, Term } from '../../src/raft/types.ts';
import { beforeTheLog } from '../../src/raft/types.ts';
import { uuidOf } from './memory-disk.ts';

interface Addressed {
  readonly from?: ReplicaId;
  readonly to?: ReplicaId;
  readonly uuid?: string;
  readonly bootId?: number;
  readonly term: number;
}

function envelope({ from = 'r2', to = 'r1', uuid = uuidOf(from), bootId = 1, term }: Addressed) {
  return { from, to, uuid, bootId, term: term as Term };
}

export function requestVote(
  fields: Addressed & { readonly phase?: RequestVote['phase']; readonly last?: EntryId },
): RequestVote {
  const { phase = 'vote', last = beforeTheLog } = fields;
  return { type: 'requestVote', ...envelope(fields), phase, last };
}

export function requestVoteReply(
  fields: Addressed & {
    readonly phase?: RequestVote['phase'];
    readonly granted: boolean;
    readonly last?: EntryId;
    readonly claim?: EntryId;
    /** By default longer than any lease. */
    readonly quietMs?: number;
  },
): RequestVoteReply {
  const { phase = 'vote', granted, last = beforeTheLog, claim = null, quietMs = 1000 } = fields;
  return { type: 'requestVoteReply', ...envelope(fields), phase, granted, last, claim, quietMs };
}

export function appendEntries(
  fields: Addressed & {
    readonly previous?: EntryId;
    readonly entries?: readonly Entry[];
    readonly commitIndex?: number;
    /** By default the commit index. */
    readonly publishIndex?: number;
    readonly round?: number;
  },
): AppendEntries {
  const { previous = beforeTheLog, entries = [], commitIndex = 0, publishIndex = commitIndex, round = 1 } = fields;
  return {
    type: 'appendEntries',
    ...envelope(fields),
    previous,
    entries,
    commitIndex: commitIndex as Index,
    publishIndex: publishIndex as Index,
    round,
  };
}

export function accepted(
  fields: Addressed & { readonly matchIndex: number; readonly round?: number },
): AppendEntriesReply {
  const { matchIndex, round = 1 } = fields;
  return {
    type: 'appendEntriesReply',
    ...envelope(fields),
    round,
    result: { type: 'accepted', matchIndex: matchIndex as Index },
  };
}

export function rejected(
  fields: Addressed & { readonly rejectedIndex: number; readonly hint: EntryId; readonly round?: number },
): AppendEntriesReply {
  const { rejectedIndex, hint, round = 1 } = fields;
  return {
    type: 'appendEntriesReply',
    ...envelope(fields),
    round,
    result: { type: 'rejected', rejectedIndex: rejectedIndex as Index, hint },
  };
}

export function readIndexRequest(fields: Addressed & { readonly requestId: string }): ReadIndexRequest {
  return { type: 'readIndex', ...envelope(fields), requestId: fields.requestId };
}

export function readIndexReply(
  fields: Addressed & {
    readonly requestId: string;
    readonly readIndex: number | null;
    readonly publishIndex?: number;
  },
): ReadIndexReply {
  const { requestId, readIndex, publishIndex = readIndex ?? 0 } = fields;
  return {
    type: 'readIndexReply',
    ...envelope(fields),
    requestId,
    readIndex: readIndex as Index | null,
    publishIndex: publishIndex as Index,
  };
}

export function identityRefused(fields: Addressed & { readonly boundUuid: string }): IdentityRefused {
  return { type: 'identityRefused', ...envelope(fields), boundUuid: fields.boundUuid };
}

/** The messages of one type, in the order in which they were sent. */
export function only<Type extends Message['type']>(
  messages: readonly Message[],
  type: Type,
): readonly Extract<Message, { type: Type }>[] {
  return messages.filter((message): message is Extract<Message, { type: Type }> => message.type === type);
}

export function sentTo(messages: readonly Message[], to: ReplicaId): readonly Message[] {
  return messages.filter((message) => message.to === to);
}
