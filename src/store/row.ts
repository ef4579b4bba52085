/**
 * The envelope of every row of state/: version u8 = 1 · body · checksum u64.
 * The checksum is the first 8 bytes of SHA-256 over key, version and body. It serves twice: it tells damage when the
 * row is read, and it stands for the row in the digest of the state.
 */
import { hash } from 'node:crypto';
import { DamagedRowError } from './damage.ts';
import { StoreError } from './errors.ts';

const version = 1;
const checksumBytes = 8;

export interface SealedRow {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly checksum: bigint;
}

export interface OpenedRow {
  readonly body: Buffer;
  readonly checksum: bigint;
}

/** `write` fills the `bodyBytes` it is given, completely. */
export function sealRow(key: Buffer, bodyBytes: number, write: (body: Buffer) => void): SealedRow {
  const bodyEnd = key.length + 1 + bodyBytes;
  const bytes = Buffer.allocUnsafe(bodyEnd + checksumBytes);
  bytes.set(key);
  bytes[key.length] = version;
  write(bytes.subarray(key.length + 1, bodyEnd));
  writeChecksum(bytes, bytes.subarray(0, bodyEnd), bodyEnd);
  return {
    key: bytes.subarray(0, key.length),
    value: bytes.subarray(key.length),
    checksum: bytes.readBigUInt64BE(bodyEnd),
  };
}

/** Throws DamagedRowError, or a StoreError if a later version wrote the row. */
export function openRow(key: Uint8Array, value: Uint8Array): OpenedRow {
  const bodyEnd = value.length - checksumBytes;
  if (bodyEnd < 1) throw new DamagedRowError(`a row of ${value.length} bytes is cut short`);
  const row = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const checked = Buffer.allocUnsafe(key.length + value.length);
  checked.set(key);
  checked.set(row, key.length);
  const checksum = row.readBigUInt64BE(bodyEnd);
  writeChecksum(checked, checked.subarray(0, key.length + bodyEnd), key.length + bodyEnd);
  if (checked.readBigUInt64BE(key.length + bodyEnd) !== checksum) {
    throw new DamagedRowError('the checksum of a row does not match its bytes');
  }
  if (row[0] !== version) {
    throw new StoreError(
      'stateVersion',
      `the state holds a row of version ${row[0]}, but this program knows version ${version} only: run the newer program that wrote it`,
    );
  }
  return { body: row.subarray(1, bodyEnd), checksum };
}

function writeChecksum(target: Buffer, covered: Buffer, offset: number): void {
  target.write(hash('sha256', covered, 'binary'), offset, checksumBytes, 'binary');
}
