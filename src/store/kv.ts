/**
 * The rules of versioned keys, and the row of one:
 *
 *   createRevision u64 · modRevision u64 · version u64 · contentType length u16 · contentType · value (to the end)
 *
 * If the value ends by itself, the highest bit of the length is set, and expiresAtMs u64 stands behind it.
 */
import type { Index } from '../raft/types.ts';
import type { Command, KeyValue, Precondition, RevisionMatch } from './command.ts';
import { valueKey } from './keys.ts';
import { type SealedRow, sealRow } from './row.ts';
import { readUint64, writeUint64 } from './uint64.ts';

export type Write = Extract<Command, { type: 'put' | 'delete' }>;

/** What the rules need to know of a key; null where there is none. */
export interface Revisions {
  readonly createRevision: Index;
  readonly modRevision: Index;
  /** 1, 2, …; starts again after a delete. */
  readonly version: number;
}

export interface StoredValue extends Revisions {
  readonly contentType: string;
  /** On the cluster's clock, in milliseconds since 1970. Absent: the value stands for good. */
  readonly expiresAtMs?: number;
  readonly value: Uint8Array;
}

export type WriteResult =
  | { readonly type: 'put'; readonly revision: Index; readonly version: number; readonly created: boolean }
  | { readonly type: 'deleted'; readonly revision: Index }
  | { readonly type: 'notFound' }
  | { readonly type: 'preconditionFailed'; readonly revision: number };

export interface Evaluation {
  readonly result: WriteResult;
  /** What the key holds from now on, null for nothing; undefined if the write changes nothing. */
  readonly next: StoredValue | null | undefined;
}

export function evaluate(write: Write, current: Revisions | null, revision: Index): Evaluation {
  if (!preconditionHolds(write.precondition, current)) {
    return { result: { type: 'preconditionFailed', revision: current?.modRevision ?? 0 }, next: undefined };
  }
  if (write.type === 'delete') {
    if (current === null) return { result: { type: 'notFound' }, next: undefined };
    return { result: { type: 'deleted', revision }, next: null };
  }
  const version = (current?.version ?? 0) + 1;
  return {
    result: { type: 'put', revision, version, created: current === null },
    next: {
      createRevision: current?.createRevision ?? revision,
      modRevision: revision,
      version,
      contentType: write.contentType,
      value: write.value,
    },
  };
}

/** RFC 9110 sections 13.1.1, 13.1.2, and 13.2.2 for their order. */
export function preconditionHolds({ ifMatch, ifNoneMatch }: Precondition, current: Revisions | null): boolean {
  if (ifMatch !== null && !matches(ifMatch, current)) return false;
  return ifNoneMatch === null || !matches(ifNoneMatch, current);
}

function matches(match: RevisionMatch, current: Revisions | null): boolean {
  return current !== null && (match === '*' || match.includes(current.modRevision));
}

const revisionsBytes = 24;
const expiresBit = 0x8000;

export function sealValue(key: string, stored: StoredValue): SealedRow {
  const { contentType, value, expiresAtMs } = stored;
  const expiryBytes = expiresAtMs === undefined ? 0 : 8;
  return sealRow(valueKey(key), revisionsBytes + 2 + expiryBytes + contentType.length + value.length, (body) => {
    let offset = writeUint64(body, stored.createRevision, 0);
    offset = writeUint64(body, stored.modRevision, offset);
    offset = writeUint64(body, stored.version, offset);
    if (expiresAtMs === undefined) {
      offset = body.writeUInt16BE(contentType.length, offset);
    } else {
      offset = body.writeUInt16BE(contentType.length | expiresBit, offset);
      offset = writeUint64(body, expiresAtMs, offset);
    }
    offset += body.write(contentType, offset, 'latin1');
    body.set(value, offset);
  });
}

export function readRevisions(body: Buffer): Revisions {
  return {
    createRevision: readUint64(body, 0) as Index,
    modRevision: readUint64(body, 8) as Index,
    version: readUint64(body, 16),
  };
}

/** Null: the value stands for good. */
export function readExpiresAtMs(body: Buffer): number | null {
  return body.readUInt16BE(revisionsBytes) < expiresBit ? null : readUint64(body, revisionsBytes + 2);
}

/** The value is a view of `body`. */
export function readKeyValue(key: string, body: Buffer, withValue: boolean): KeyValue {
  const expiresAtMs = readExpiresAtMs(body);
  const contentTypeStart = revisionsBytes + 2 + (expiresAtMs === null ? 0 : 8);
  const valueStart = contentTypeStart + (body.readUInt16BE(revisionsBytes) & ~expiresBit);
  const item = {
    key,
    ...readRevisions(body),
    contentType: body.toString('latin1', contentTypeStart, valueStart),
    sizeBytes: body.length - valueStart,
    ...(expiresAtMs === null ? {} : { expiresAtMs }),
  };
  return withValue ? { ...item, value: body.subarray(valueStart) } : item;
}

/** The value is a view of `body`. */
export function readStoredValue(body: Buffer): StoredValue {
  const { contentType, expiresAtMs, value = new Uint8Array() } = readKeyValue('', body, true);
  return { ...readRevisions(body), contentType, ...(expiresAtMs === undefined ? {} : { expiresAtMs }), value };
}

export function keyValueOf(key: string, { value, ...stored }: StoredValue): KeyValue {
  return { key, ...stored, sizeBytes: value.length, value };
}
