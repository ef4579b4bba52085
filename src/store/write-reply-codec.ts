/** What became of each command of a write, as parts of messages in the form of wire.ts. Results of transactions are in the tail. */
import { unreachable } from '../raft/assert.ts';
import { type Index, index } from '../raft/types.ts';
import type { CommandResult } from './command.ts';
import { fieldProblem } from './names.ts';
import type { WriteReply } from './protocol.ts';
import { decodeResult, encodeResult } from './result-codec.ts';
import { choice, flag, list, MalformedError, natural, orNull, type Tail, text, tuple } from './wire.ts';

const nameLengthMax = 512;
const reasonLengthMax = 2048;

/** Refusals, and the results of those that were done. Positions are on the wire: add at the end. */
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
  'transaction',
  'transactionFailed',
  'defined',
  'dropped',
  'definitionConflict',
  'idFieldDiffers',
  'tooManyCollections',
  'noted',
] as const;
export function encodeWriteReply(reply: WriteReply, tail: Uint8Array[]): readonly unknown[] {
  switch (reply.type) {
    case 'notLeader':
      return [0, reply.leader];
    case 'overloaded':
      return [1];
    case 'invalid':
      return [2, reply.reason.slice(0, reasonLengthMax)];
    case 'diskFull':
      return [3];
    case 'unknown':
      return [4];
    case 'done':
      return encodeCommandResult(reply.result, tail);
    default:
      return unreachable(reply);
  }
}

function encodeCommandResult(result: CommandResult, tail: Uint8Array[]): readonly unknown[] {
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
    case 'transaction':
      return [12, result.replayed, inTail(encodeResult(result), tail)];
    case 'transactionFailed':
      return [13, inTail(encodeResult(result), tail)];
    case 'defined':
      return [14, result.revision, result.created];
    case 'dropped':
      return [15, result.revision];
    case 'definitionConflict':
      return [16, result.revision];
    case 'idFieldDiffers':
      return [17, result.idField];
    case 'tooManyCollections':
      return [18];
    case 'noted':
      return [19];
    default:
      return unreachable(result);
  }
}

function inTail(bytes: Uint8Array, tail: Uint8Array[]): number {
  tail.push(bytes);
  return bytes.length;
}

export function decodeWriteReply(value: unknown, tail: Tail): WriteReply {
  const fields = list(value, 4);
  const type = choice(fields[0], writeReplyTypes);
  switch (type) {
    case 'notLeader':
      return { type, leader: orNull(tuple(fields, 2)[1], (leader) => text(leader, nameLengthMax)) };
    case 'invalid':
      return { type, reason: text(tuple(fields, 2)[1], reasonLengthMax) };
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
    case 'transaction': {
      const [, replayed, length] = tuple(fields, 3);
      const result = decodeResult(tail.take(length));
      if (result?.type !== type) throw new MalformedError();
      return { type: 'done', result: { ...result, replayed: flag(replayed) } };
    }
    case 'transactionFailed': {
      const result = decodeResult(tail.take(tuple(fields, 2)[1]));
      if (result?.type !== type) throw new MalformedError();
      return { type: 'done', result };
    }
    case 'defined': {
      const [, revision, created] = tuple(fields, 3);
      return { type: 'done', result: { type, revision: indexOf(revision), created: flag(created) } };
    }
    case 'dropped':
      return { type: 'done', result: { type, revision: indexOf(tuple(fields, 2)[1]) } };
    case 'definitionConflict':
      return { type: 'done', result: { type, revision: natural(tuple(fields, 2)[1]) } };
    case 'idFieldDiffers': {
      const idField = text(tuple(fields, 2)[1], nameLengthMax);
      if (fieldProblem(idField) !== null) throw new MalformedError();
      return { type: 'done', result: { type, idField } };
    }
    case 'notFound':
    case 'sessionExpired':
    case 'invalidCommand':
    case 'tooManyCollections':
    case 'noted':
      tuple(fields, 1);
      return { type: 'done', result: { type } };
    default:
      return unreachable(type);
  }
}

function indexOf(value: unknown): Index {
  return index(natural(value));
}
