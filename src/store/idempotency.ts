/**
 * Answers that are given again (DESIGN-catalog.md, "Requests that are made again"): the row of a record.
 *
 *   expiresAtMs u64 · fingerprint, 32 bytes · result (result-codec.ts, to the end)
 */
import { DamagedRowError } from './damage.ts';
import { idempotencyKey } from './keys.ts';
import { decodeResult, encodeResult } from './result-codec.ts';
import { type SealedRow, sealRow } from './row.ts';
import type { KeptResult } from './transaction.ts';
import { readUint64, writeUint64 } from './uint64.ts';

export interface IdempotencyRecord {
  /** On the cluster's clock. */
  readonly expiresAtMs: number;
  readonly fingerprint: Uint8Array;
  readonly result: Extract<KeptResult, { readonly type: 'transaction' }>;
}

export const idempotencyLimits = {
  /** Of the cluster's time. */
  recordMs: 24 * 3600 * 1000,
  recordsMax: 1_000_000,
  bytesMax: 1024 * 1024 * 1024,
} as const;

const fingerprintAt = 8;
const resultAt = fingerprintAt + 32;

export function sealRecord(key: string, { expiresAtMs, fingerprint, result }: IdempotencyRecord): SealedRow {
  const encoded = encodeResult(result);
  return sealRow(idempotencyKey(key), resultAt + encoded.length, (body) => {
    writeUint64(body, expiresAtMs, 0);
    body.set(fingerprint, fingerprintAt);
    body.set(encoded, resultAt);
  });
}

/** Throws DamagedRowError. */
export function readRecord(body: Buffer): IdempotencyRecord {
  const result = body.length < resultAt ? null : decodeResult(body.subarray(resultAt));
  if (result?.type !== 'transaction') throw new DamagedRowError('an idempotency record has no result');
  return { expiresAtMs: readUint64(body, 0), fingerprint: body.subarray(fingerprintAt, resultAt), result };
}

/** What the record takes of `bytesMax`. */
export function recordBytes(key: string, record: IdempotencyRecord): number {
  return key.length + resultAt + encodeResult(record.result).length;
}
