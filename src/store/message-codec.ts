/**
 * Raft messages as bytes, in the form of wire.ts. The messages of one frame have one sender and one receiver.
 *
 *   head  [from, to, uuid, bootId, [message, …]], a message being [type, term, its own fields …]
 *   tail  the commands of all entries
 */
import { invariant, unreachable } from '../raft/assert.ts';
import type { AppendEntries, Message } from '../raft/message.ts';
import { type Configuration, type Entry, type EntryId, index, type ReplicaId, term } from '../raft/types.ts';
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

/** Positions are on the wire: add at the end. An AppendEntriesReply has one for each result. */
const messageTypes = [
  'requestVote',
  'requestVoteReply',
  'appendEntries',
  'accepted',
  'rejected',
  'readIndex',
  'readIndexReply',
  'identityRefused',
] as const;
const phases = ['preVote', 'vote'] as const;
const entryTypes = ['noop', 'command', 'configuration'] as const;

const nameLengthMax = 512;
const membersMax = 1024;
const messagesMax = 65_536;
/** Far above what the core puts into a message, whose bound in bytes counts every entry's overhead. */
const entriesMax = 65_536;

/** All messages have the same from, to, uuid and bootId; at least one. */
export function encodeMessages(messages: readonly Message[]): Uint8Array {
  const [first] = messages;
  invariant(first !== undefined, 'a frame holds a message');
  const { from, to, uuid, bootId } = first;
  const tail: Uint8Array[] = [];
  const encoded = messages.map((message) => {
    const sameEnvelope =
      message.to === to && message.from === from && message.uuid === uuid && message.bootId === bootId;
    invariant(sameEnvelope, 'the messages of a frame have one sender and one receiver');
    return encodeMessage(message, tail);
  });
  return encodeWire([from, to, uuid, bootId, encoded], tail);
}

/** Null if malformed. Commands are views of one copy of all of them. */
export function decodeMessages(bytes: Uint8Array): readonly Message[] | null {
  return decodeWire(bytes, (head, tail) => {
    const [from, to, uuid, bootId, messages] = tuple(head, 5);
    const envelope = { from: name(from), to: name(to), uuid: name(uuid), bootId: natural(bootId) };
    return list(messages, messagesMax).map((message) => decodeMessage(envelope, list(message, 16), tail));
  });
}

function encodeMessage(message: Message, tail: Uint8Array[]): readonly unknown[] {
  switch (message.type) {
    case 'requestVote':
      return [0, message.term, phases.indexOf(message.phase), ...encodeId(message.last)];
    case 'requestVoteReply': {
      const { phase, granted, last, claim, quietMs } = message;
      const encodedClaim = claim && encodeId(claim);
      return [1, message.term, phases.indexOf(phase), granted, ...encodeId(last), encodedClaim, quietMs];
    }
    case 'appendEntries': {
      const { previous, commitIndex, publishIndex, round } = message;
      return [
        2,
        message.term,
        ...encodeId(previous),
        commitIndex,
        publishIndex,
        round,
        ...encodeEntries(message, tail),
      ];
    }
    case 'appendEntriesReply': {
      const { round, result } = message;
      return result.type === 'accepted'
        ? [3, message.term, round, result.matchIndex]
        : [4, message.term, round, result.rejectedIndex, ...encodeId(result.hint)];
    }
    case 'readIndex':
      return [5, message.term, message.requestId];
    case 'readIndexReply':
      return [6, message.term, message.requestId, message.readIndex, message.publishIndex];
    case 'identityRefused':
      return [7, message.term, message.boundUuid];
    default:
      return unreachable(message);
  }
}

type Envelope = Pick<Message, 'from' | 'to' | 'uuid' | 'bootId'>;

function decodeMessage({ from, to, uuid, bootId }: Envelope, fields: readonly unknown[], tail: Tail): Message {
  const type = choice(fields[0], messageTypes);
  const envelope = { from, to, uuid, bootId, term: term(natural(fields[1])) };
  switch (type) {
    case 'requestVote': {
      const [, , phase, lastTerm, lastIndex] = tuple(fields, 5);
      return { type, ...envelope, phase: choice(phase, phases), last: decodeId(lastTerm, lastIndex) };
    }
    case 'requestVoteReply': {
      const [, , phase, granted, lastTerm, lastIndex, claim, quietMs] = tuple(fields, 8);
      return {
        type,
        ...envelope,
        phase: choice(phase, phases),
        granted: flag(granted),
        last: decodeId(lastTerm, lastIndex),
        claim: orNull(claim, (id) => {
          const [claimTerm, claimIndex] = tuple(id, 2);
          return decodeId(claimTerm, claimIndex);
        }),
        quietMs: natural(quietMs),
      };
    }
    case 'appendEntries': {
      const [, , previousTerm, previousIndex, commitIndex, publishIndex, round, runs, lengths, configurations] = tuple(
        fields,
        10,
      );
      const previous = decodeId(previousTerm, previousIndex);
      return {
        type,
        ...envelope,
        previous,
        entries: decodeEntries(previous, runs, lengths, configurations, tail),
        commitIndex: index(natural(commitIndex)),
        publishIndex: index(natural(publishIndex)),
        round: natural(round),
      };
    }
    case 'accepted': {
      const [, , round, matchIndex] = tuple(fields, 4);
      const result = { type, matchIndex: index(natural(matchIndex)) };
      return { type: 'appendEntriesReply', ...envelope, round: natural(round), result };
    }
    case 'rejected': {
      const [, , round, rejectedIndex, hintTerm, hintIndex] = tuple(fields, 6);
      const hint = decodeId(hintTerm, hintIndex);
      const result = { type, rejectedIndex: index(natural(rejectedIndex)), hint };
      return { type: 'appendEntriesReply', ...envelope, round: natural(round), result };
    }
    case 'readIndex': {
      const [, , requestId] = tuple(fields, 3);
      return { type, ...envelope, requestId: name(requestId) };
    }
    case 'readIndexReply': {
      const [, , requestId, readIndex, publishIndex] = tuple(fields, 5);
      return {
        type,
        ...envelope,
        requestId: name(requestId),
        readIndex: orNull(readIndex, (value) => index(natural(value))),
        publishIndex: index(natural(publishIndex)),
      };
    }
    case 'identityRefused': {
      const [, , boundUuid] = tuple(fields, 3);
      return { type, ...envelope, boundUuid: name(boundUuid) };
    }
    default:
      return unreachable(type);
  }
}

/**
 * Entries follow `previous` without a gap, so their indexes need no bytes, and neighbours mostly share type and term:
 * [[type, term, count], …], the length of each entry's command, and the configurations.
 */
function encodeEntries({ previous, entries }: AppendEntries, tail: Uint8Array[]): readonly unknown[] {
  const runs: [type: number, term: number, count: number][] = [];
  const lengths: number[] = [];
  const configurations: unknown[] = [];
  let run: [type: number, term: number, count: number] | undefined;
  let expected: number = previous.index;
  for (const entry of entries) {
    expected++;
    invariant(entry.index === expected, 'the entries of a message follow `previous` without a gap');
    const type = entryTypes.indexOf(entry.type);
    if (run === undefined || run[0] !== type || run[1] !== entry.term) {
      run = [type, entry.term, 0];
      runs.push(run);
    }
    run[2]++;
    lengths.push(entry.type === 'command' ? entry.command.length : 0);
    if (entry.type === 'command') tail.push(entry.command);
    if (entry.type === 'configuration') configurations.push(encodeConfiguration(entry.configuration));
  }
  return [runs, lengths, configurations];
}

function decodeEntries(
  previous: EntryId,
  runs: unknown,
  lengths: unknown,
  configurations: unknown,
  tail: Tail,
): readonly Entry[] {
  const commandLengths = list(lengths, entriesMax);
  const configurationsLeft = list(configurations, entriesMax).values();
  const entries: Entry[] = [];
  for (const run of list(runs, commandLengths.length)) {
    const [runType, runTerm, runCount] = tuple(run, 3);
    const type = choice(runType, entryTypes);
    const entryTerm = term(natural(runTerm));
    const end = entries.length + natural(runCount);
    if (end > commandLengths.length) throw new MalformedError();
    while (entries.length < end) {
      const id = { term: entryTerm, index: index(previous.index + entries.length + 1) };
      const command = tail.take(commandLengths[entries.length]);
      if (type === 'command') entries.push({ type, ...id, command });
      else if (command.length > 0) throw new MalformedError();
      else if (type === 'noop') entries.push({ type, ...id });
      else entries.push({ type, ...id, configuration: decodeConfiguration(configurationsLeft.next().value) });
    }
  }
  if (entries.length !== commandLengths.length || !configurationsLeft.next().done) throw new MalformedError();
  return entries;
}

function encodeConfiguration({
  voters,
  votersOutgoing,
  learners,
  members,
  gateways,
}: Configuration): readonly unknown[] {
  return [
    voters,
    votersOutgoing,
    learners,
    members.map(({ id, uuid, publicKey, rpc, http }) => [id, uuid, publicKey, rpc, http]),
    gateways.map(({ id, publicKey, http }) => [id, publicKey, http]),
  ];
}

function decodeConfiguration(value: unknown): Configuration {
  const [voters, votersOutgoing, learners, members, gateways] = tuple(value, 5);
  return {
    voters: names(voters),
    votersOutgoing: names(votersOutgoing),
    learners: names(learners),
    members: list(members, membersMax).map((member) => {
      const [id, uuid, publicKey, rpc, http] = tuple(member, 5);
      return { id: name(id), uuid: name(uuid), publicKey: name(publicKey), rpc: name(rpc), http: name(http) };
    }),
    gateways: list(gateways, membersMax).map((gateway) => {
      const [id, publicKey, http] = tuple(gateway, 3);
      return { id: name(id), publicKey: name(publicKey), http: name(http) };
    }),
  };
}

function encodeId(id: EntryId): readonly [term: number, index: number] {
  return [id.term, id.index];
}

function decodeId(idTerm: unknown, idIndex: unknown): EntryId {
  return { term: term(natural(idTerm)), index: index(natural(idIndex)) };
}

function names(value: unknown): readonly ReplicaId[] {
  return list(value, membersMax).map(name);
}

function name(value: unknown): string {
  return text(value, nameLengthMax);
}
