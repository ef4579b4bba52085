/** Questions for changes and their answers, as parts of messages in the form of wire.ts. */
import { unreachable } from '../raft/assert.ts';
import { type Index, index } from '../raft/types.ts';
import { decodeChange, encodeChange } from './change-codec.ts';
import { keyPrefix } from './item-codec.ts';
import { type ChangesQuery, type ChangesResult, changesLimits, type Watched } from './watch.ts';
import { choice, list, MalformedError, natural, orNull, type Tail, tuple } from './wire.ts';
import { collectionName } from './wire-names.ts';

/** Positions are on the wire: add at the end. */
const watchedTypes = ['keys', 'collection'] as const;
const resultTypes = ['changes', 'compacted'] as const;

export function encodeChangesRequest(query: ChangesQuery): readonly unknown[] {
  const { after, skip, watched, limit, waitMs } = query;
  return [after, skip, watched && encodeWatched(watched), limit, waitMs];
}

export function decodeChangesRequest(value: unknown): ChangesQuery {
  const [after, skip, watched, limit, waitMs] = tuple(value, 5);
  const query = {
    after: indexOf(after),
    skip: natural(skip),
    watched: orNull(watched, decodeWatched),
    limit: natural(limit),
    waitMs: milliseconds(waitMs),
  };
  if (query.limit < 1 || query.limit > changesLimits.changesMax) throw new MalformedError();
  return query;
}

export function encodeChangesResult(result: ChangesResult, tail: Uint8Array[]): readonly unknown[] {
  switch (result.type) {
    case 'changes':
      return [0, result.through, result.skip, result.changes.map((change) => encodeChange(change, tail))];
    case 'compacted':
      return [1, result.compactedRevision];
    default:
      return unreachable(result);
  }
}

export function decodeChangesResult(value: unknown, tail: Tail): ChangesResult {
  const fields = list(value, 4);
  const type = choice(fields[0], resultTypes);
  switch (type) {
    case 'changes': {
      const [, through, skip, changes] = tuple(fields, 4);
      const decoded = list(changes, changesLimits.changesMax).map((change) => decodeChange(change, tail));
      return { type, through: indexOf(through), skip: natural(skip), changes: decoded };
    }
    case 'compacted':
      return { type, compactedRevision: indexOf(tuple(fields, 2)[1]) };
    default:
      return unreachable(type);
  }
}

function encodeWatched(watched: Watched): readonly unknown[] {
  switch (watched.type) {
    case 'keys':
      return [0, watched.prefix];
    case 'collection':
      return [1, watched.name];
    default:
      return unreachable(watched);
  }
}

function decodeWatched(value: unknown): Watched {
  const [position, name] = tuple(value, 2);
  const type = choice(position, watchedTypes);
  return type === 'keys' ? { type, prefix: keyPrefix(name) } : { type, name: collectionName(name) };
}

function milliseconds(value: unknown): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= changesLimits.waitMsMax)) throw new MalformedError();
  return value;
}

function indexOf(value: unknown): Index {
  return index(natural(value));
}
