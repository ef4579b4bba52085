/**
 * A number for the whole replicated state: the sum of its rows' checksums, modulo 2^64. A sum has no order, so it
 * follows each change at the cost of one addition, and replicas in the same state have the same digest however their
 * writes were grouped.
 */

export type Digest = bigint;

export const emptyDigest: Digest = 0n;

/** What stands for a row that does not exist. */
export const noChecksum = 0n;

export function digestAfter(digest: Digest, removed: bigint, added: bigint): Digest {
  return BigInt.asUintN(64, digest - removed + added);
}

/** 16 hex digits. */
export function formatDigest(digest: Digest): string {
  return digest.toString(16).padStart(16, '0');
}
