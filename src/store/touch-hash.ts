/** How names become touches. Scheme 1: never change it (touch.ts). */
import { crc32 } from 'node:zlib';

/** 0 to 2^32 - 1. */
export type Touch = number;

/** No byte of UTF-8: whatever the parts of a name hold, they cannot run together. */
const separator = Buffer.of(0xff);

/** What stands between the letter and the end of a name is checksummed front to back. */
export function joined(crc: number, ...parts: readonly (string | Uint8Array)[]): number {
  return parts.reduce<number>((before, part, nth) => crc32(part, nth === 0 ? before : crc32(separator, before)), crc);
}

/** The low bits of a CRC alone meet far too often where keys are numbered in the middle: `user/17/name`. */
export function mixed(crc: number): Touch {
  let hash = Math.imul(crc ^ (crc >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
