/** Ids as the shop chooses and shows them. */
import { hash } from 'node:crypto';
import type { Idempotency } from '../../store/client.ts';

/**
 * The id of what a request makes: the same whenever the same request comes again, so that its answer names what the first
 * one made. Without an idempotency key every request makes something of its own, under an id that `newUuid` gives.
 */
export function idOfNew(idempotency: Idempotency | null, newUuid: () => string): string {
  if (idempotency === null) return newUuid();
  const digest = hash('sha256', `${Buffer.from(idempotency.fingerprint).toString('hex')} ${idempotency.key}`, 'buffer');
  return uuidOf(digest);
}

/** RFC 9562, version 8: 122 bits of the digest. */
function uuidOf(digest: Buffer): string {
  const bytes = Buffer.from(digest.subarray(0, 16));
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** In the short forms ids are numbers where they are written as whole numbers are: then both forms name the same book. */
export function shortId(id: string): string | number {
  return /^(?:0|[1-9]\d{0,14})$/.test(id) ? Number(id) : id;
}
