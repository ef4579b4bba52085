/**
 * The stream of invalidations as bytes, in the form of wire.ts.
 *
 *   follow         head [0, lineage, streamId, nth, term, published]
 *   invalidations  head [1, streamId] · tail: a batch, in the form of wire.ts itself
 *   ended          head [2, streamId]
 *   renew          head [3, streamId, request]
 *   granted        head [4, streamId, request, term, index, leaseMs]
 *   confirmed      head [5, streamId, term, through]
 *   released       head [6, streamId, request]
 *   refused        head [7, streamId, request, cause, forMs]
 *
 *   batch          head [lineage, term, from, to, publishIndex, [index − from, count, …]] · tail: touches, u32 big-endian
 *
 * A count of 0 stands for everything. A batch is the same for all streams: it is written once for all of them.
 */
import { invariant, unreachable } from '../raft/assert.ts';
import { index, term } from '../raft/types.ts';
import {
  type GatewayEvent,
  type Granted,
  type InvalidationBatch,
  type LeaderEvent,
  type Refused,
  refusalCauses,
  type TouchedEntry,
} from './invalidation.ts';
import { type Touches, touchesMax } from './touch.ts';
import { choice, decodeWire, encodeWire, list, MalformedError, natural, type Tail, text, tuple } from './wire.ts';

/** Positions are on the wire: add at the end. */
const eventTypes = [
  'follow',
  'invalidations',
  'ended',
  'renew',
  'granted',
  'confirmed',
  'released',
  'refused',
] as const;

const nameLengthMax = 512;
/** In UTF-16 units. */
export const streamIdLengthMax = 64;
/** Entries that touch something, in one batch. */
export const touchedEntriesMax = 16_384;

const touchBytes = 4;
const uint32Max = 0xffffffff;

export function encodeGatewayEvent(event: GatewayEvent): Uint8Array {
  switch (event.type) {
    case 'follow':
      return encodeWire([0, event.lineage, event.streamId, event.nth, event.term, event.published]);
    case 'renew':
      return encodeWire([3, event.streamId, event.request]);
    case 'confirmed':
      return encodeWire([5, event.streamId, event.term, event.through]);
    case 'released':
      return encodeWire([6, event.streamId, event.request]);
    default:
      return unreachable(event);
  }
}

/** Null if it is malformed, or nothing that a gateway sends. */
export function decodeGatewayEvent(bytes: Uint8Array): GatewayEvent | null {
  return decodeWire(bytes, (head): GatewayEvent => {
    const fields = list(head, 8);
    const type = choice(fields[0], eventTypes);
    switch (type) {
      case 'follow': {
        const [, lineage, streamId, nth, followTerm, published] = tuple(fields, 6);
        return {
          type,
          lineage: text(lineage, nameLengthMax),
          streamId: text(streamId, streamIdLengthMax),
          nth: natural(nth),
          term: term(natural(followTerm)),
          published: index(natural(published)),
        };
      }
      case 'renew': {
        const [, streamId, request] = tuple(fields, 3);
        return { type, streamId: text(streamId, streamIdLengthMax), request: natural(request) };
      }
      case 'confirmed': {
        const [, streamId, confirmedTerm, through] = tuple(fields, 4);
        return {
          type,
          streamId: text(streamId, streamIdLengthMax),
          term: term(natural(confirmedTerm)),
          through: index(natural(through)),
        };
      }
      case 'released': {
        const [, streamId, request] = tuple(fields, 3);
        return { type, streamId: text(streamId, streamIdLengthMax), request: natural(request) };
      }
      case 'invalidations':
      case 'ended':
      case 'granted':
      case 'refused':
        throw new MalformedError();
      default:
        return unreachable(type);
    }
  });
}

/** For `encodeInvalidations`. At most `touchedEntriesMax` entries of 1 to `touchesMax` touches: an InvariantError otherwise. */
export function encodeBatch({ lineage, term, from, to, publishIndex, touches }: InvalidationBatch): Uint8Array {
  invariant(touches.length <= touchedEntriesMax, `a batch holds at most ${touchedEntriesMax} touched entries`);
  const counts: number[] = [];
  let touchesTotal = 0;
  for (const entry of touches) {
    const count = entry.touches === 'everything' ? 0 : entry.touches.length;
    invariant(
      entry.touches === 'everything' || (count > 0 && count <= touchesMax),
      `a touched entry has 1 to ${touchesMax} touches, got ${count}`,
    );
    counts.push(entry.index - from, count);
    touchesTotal += count;
  }
  const tail = Buffer.allocUnsafe(touchesTotal * touchBytes);
  let offset = 0;
  for (const entry of touches) {
    if (entry.touches === 'everything') continue;
    for (const touch of entry.touches) {
      invariant(Number.isInteger(touch) && touch >= 0 && touch <= uint32Max, `a touch is a uint32, got ${touch}`);
      offset = tail.writeUInt32BE(touch, offset);
    }
  }
  return encodeWire([lineage, term, from, to, publishIndex, counts], [tail]);
}

/** `batch` as `encodeBatch` made it. */
export function encodeInvalidations(streamId: string, batch: Uint8Array): Uint8Array {
  return encodeWire([1, streamId], [batch]);
}

export function encodeGranted({ streamId, request, term, index, leaseMs }: Granted): Uint8Array {
  return encodeWire([4, streamId, request, term, index, leaseMs]);
}

export function encodeRefused({ streamId, request, cause, forMs }: Refused): Uint8Array {
  return encodeWire([7, streamId, request, refusalCauses.indexOf(cause), forMs]);
}

export function encodeEnded(streamId: string): Uint8Array {
  return encodeWire([2, streamId]);
}

/** Null if it is malformed, or nothing that a leader sends. */
export function decodeLeaderEvent(bytes: Uint8Array): LeaderEvent | null {
  return decodeWire(bytes, (head, tail): LeaderEvent => {
    const fields = list(head, 8);
    const type = choice(fields[0], eventTypes);
    switch (type) {
      case 'invalidations': {
        const [, streamId] = tuple(fields, 2);
        const batch = decodeWire(tail.take(tail.left), readBatch);
        if (batch === null) throw new MalformedError();
        return { type, streamId: text(streamId, streamIdLengthMax), ...batch };
      }
      case 'ended': {
        const [, streamId] = tuple(fields, 2);
        return { type, streamId: text(streamId, streamIdLengthMax) };
      }
      case 'granted': {
        const [, streamId, request, grantTerm, grantIndex, leaseMs] = tuple(fields, 6);
        return {
          type,
          streamId: text(streamId, streamIdLengthMax),
          request: natural(request),
          term: term(natural(grantTerm)),
          index: index(natural(grantIndex)),
          leaseMs: natural(leaseMs),
        };
      }
      case 'refused': {
        const [, streamId, request, cause, forMs] = tuple(fields, 5);
        return {
          type,
          streamId: text(streamId, streamIdLengthMax),
          request: natural(request),
          cause: choice(cause, refusalCauses),
          forMs: natural(forMs),
        };
      }
      case 'follow':
      case 'renew':
      case 'confirmed':
      case 'released':
        throw new MalformedError();
      default:
        return unreachable(type);
    }
  });
}

function readBatch(head: unknown, tail: Tail): InvalidationBatch {
  const [lineage, batchTerm, batchFrom, batchTo, publishIndex, counts] = tuple(head, 6);
  const from = index(natural(batchFrom));
  const to = index(natural(batchTo));
  if (to < from) throw new MalformedError();
  return {
    lineage: text(lineage, nameLengthMax),
    term: term(natural(batchTerm)),
    from,
    to,
    publishIndex: index(natural(publishIndex)),
    touches: readTouchedEntries(from, to, list(counts, 2 * touchedEntriesMax), tail),
  };
}

function readTouchedEntries(from: number, to: number, counts: readonly unknown[], tail: Tail): readonly TouchedEntry[] {
  if (counts.length % 2 !== 0) throw new MalformedError();
  const entries: TouchedEntry[] = [];
  let previous = from;
  for (let at = 0; at < counts.length; at += 2) {
    const entryIndex = index(from + natural(counts[at]));
    if (entryIndex <= previous || entryIndex > to) throw new MalformedError();
    previous = entryIndex;
    entries.push({ index: entryIndex, touches: readTouches(natural(counts[at + 1]), tail) });
  }
  return entries;
}

function readTouches(count: number, tail: Tail): Touches {
  if (count === 0) return 'everything';
  if (count > touchesMax) throw new MalformedError();
  const bytes = tail.take(count * touchBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Array.from({ length: count }, (_, nth) => view.getUint32(nth * touchBytes));
}
