/**
 * Changes as the arrays and byte strings of wire.ts: in rows of the history, and in answers to whoever watches. What was put has
 * the revision of its change.
 */
import { invariant, unreachable } from '../raft/assert.ts';
import { index } from '../raft/types.ts';
import { limits } from './command.ts';
import { keyText } from './item-codec.ts';
import type { Change } from './watch.ts';
import { choice, flag, list, MalformedError, natural, orNull, type Tail, text, tuple } from './wire.ts';
import { collectionName, documentId } from './wire-names.ts';

/** On disks and between versions: only ever added to, at the end. */
const kinds = ['keyPut', 'keyDeleted', 'documentPut', 'documentDeleted', 'collectionDropped'] as const;

/** Appends what was put to `tail`. */
export function encodeChange(change: Change, tail: Uint8Array[]): readonly unknown[] {
  const { revision, place, count } = change;
  const at = [revision, place, count];
  if (change.type === 'drop') return [kinds.indexOf('collectionDropped'), ...at, change.subject.collection];
  if (change.type === 'delete') {
    const { subject } = change;
    return subject.type === 'key'
      ? [kinds.indexOf('keyDeleted'), ...at, change.expired, subject.key]
      : [kinds.indexOf('documentDeleted'), ...at, change.expired, subject.collection, subject.id];
  }
  if ('item' in change) {
    const { key, createRevision, version, contentType, value, expiresAtMs = null } = change.item;
    const bytes = pushed(value, tail);
    return [kinds.indexOf('keyPut'), ...at, key, createRevision, version, contentType, expiresAtMs, bytes];
  }
  const { id, createRevision, version, expiresAtMs, json } = change.document;
  const bytes = pushed(json, tail);
  const { collection } = change.subject;
  return [kinds.indexOf('documentPut'), ...at, collection, id, createRevision, version, expiresAtMs, bytes];
}

function pushed(bytes: Uint8Array | undefined, tail: Uint8Array[]): number {
  invariant(bytes !== undefined, 'a change has what was put');
  tail.push(bytes);
  return bytes.length;
}

/** Throws MalformedError. What was put is a view of the tail. */
export function decodeChange(head: unknown, tail: Tail): Change {
  const [position, ...fields] = list(head, 10);
  const kind = choice(position, kinds);
  switch (kind) {
    case 'keyDeleted': {
      const [revision, place, count, expired, key] = tuple(fields, 5);
      const subject = { type: 'key', key: keyText(key) } as const;
      return { ...placeIn(revision, place, count), type: 'delete', subject, expired: flag(expired) };
    }
    case 'documentDeleted': {
      const [revision, place, count, expired, collection, id] = tuple(fields, 6);
      const subject = { type: 'document', collection: collectionName(collection), id: documentId(id) } as const;
      return { ...placeIn(revision, place, count), type: 'delete', subject, expired: flag(expired) };
    }
    case 'keyPut': {
      const [revision, place, count, key, createRevision, version, contentType, expiresAtMs, bytes] = tuple(fields, 9);
      const at = placeIn(revision, place, count);
      const value = tail.take(bytes);
      const endsAtMs = orNull(expiresAtMs, natural);
      const item = {
        key: keyText(key),
        createRevision: natural(createRevision),
        modRevision: at.revision,
        version: natural(version),
        contentType: text(contentType, limits.contentTypeBytesMax),
        sizeBytes: value.length,
        ...(endsAtMs === null ? {} : { expiresAtMs: endsAtMs }),
        value,
      };
      return { ...at, type: 'put', subject: { type: 'key', key: item.key }, item };
    }
    case 'documentPut': {
      const [revision, place, count, collection, id, createRevision, version, expiresAtMs, bytes] = tuple(fields, 9);
      const at = placeIn(revision, place, count);
      const document = {
        id: documentId(id),
        createRevision: natural(createRevision),
        modRevision: at.revision,
        version: natural(version),
        expiresAtMs: orNull(expiresAtMs, natural),
        json: tail.take(bytes),
      };
      const subject = { type: 'document', collection: collectionName(collection), id: document.id } as const;
      return { ...at, type: 'put', subject, document };
    }
    case 'collectionDropped': {
      const [revision, place, count, collection] = tuple(fields, 4);
      const subject = { type: 'collection', collection: collectionName(collection) } as const;
      return { ...placeIn(revision, place, count), type: 'drop', subject };
    }
    default:
      return unreachable(kind);
  }
}

function placeIn(revision: unknown, place: unknown, count: unknown) {
  const at = { revision: index(natural(revision)), place: natural(place), count: natural(count) };
  if (at.place >= at.count) throw new MalformedError();
  return at;
}
