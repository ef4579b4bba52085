/** A change as clients are shown it: written once, however many watch. */
import type { Change, Index, Subject } from '../../store/client.ts';
import { rfc3339 } from '../../system-clock.ts';
import { shownValue } from '../list-page.ts';

export interface WatchEvent {
  readonly revision: Index;
  readonly place: number;
  /** Of all changes of its revision, of interest or not. */
  readonly isLast: boolean;
  readonly type: Change['type'];
  readonly subject: Subject;
  /** An object with a member at least, on one line. */
  readonly json: Buffer;
}

export function eventOf(change: Change): WatchEvent {
  const { revision, place, count, type, subject } = change;
  return { revision, place, isLast: place === count - 1, type, subject, json: jsonOf(change) };
}

function jsonOf(change: Change): Buffer {
  const { revision, subject } = change;
  const name = nameOf(subject);
  if (change.type === 'drop') return Buffer.from(JSON.stringify({ ...name, revision }));
  if (change.type === 'delete') {
    return Buffer.from(JSON.stringify({ ...name, revision, ...(change.expired ? { expired: true } : {}) }));
  }
  if ('item' in change) {
    const { createRevision, version, contentType, sizeBytes: size, value, expiresAtMs = null } = change.item;
    const shown = { ...name, revision, createRevision, version, contentType, size, ...shownEnd(expiresAtMs) };
    return Buffer.from(JSON.stringify({ ...shown, ...shownValue(value) }));
  }
  const { createRevision, version, expiresAtMs, json = new Uint8Array() } = change.document;
  const head = JSON.stringify({
    ...name,
    revision,
    createRevision,
    version,
    size: json.byteLength,
    ...shownEnd(expiresAtMs),
  });
  return Buffer.concat([Buffer.from(`${head.slice(0, -1)},"document":`), onOneLine(json), Buffer.from('}')]);
}

function shownEnd(expiresAtMs: number | null): object {
  return expiresAtMs === null ? {} : { expiresAt: rfc3339(expiresAtMs) };
}

/** `id` is that of the event, in every form. */
function nameOf(subject: Subject): object {
  switch (subject.type) {
    case 'key':
      return { key: subject.key };
    case 'document':
      return { collection: subject.collection, documentId: subject.id };
    case 'collection':
      return { collection: subject.collection };
  }
}

/** In JSON line breaks stand between its parts alone. Numbers stay as they were written. */
function onOneLine(json: Uint8Array): Uint8Array {
  return json.map((byte) => (byte === 0x0a || byte === 0x0d ? 0x20 : byte));
}
