/** Writes of the catalog as clients state them, each of which can be found again in the log. */
import { createHash } from 'node:crypto';
import type { Write } from '../../../src/store/client.ts';
import type { Command } from '../../../src/store/command.ts';
import type { Compare, Operation, Transaction } from '../../../src/store/transaction.ts';

export type WriteOf = Extract<Write, { readonly type: 'transaction' | 'define' | 'put' }>;

const markPrefix = 'mark/';
export const lockPrefix = 'lock/';

/** Of those that are written as any other key is. */
export function isCatalogKey(key: string): boolean {
  return key.startsWith(lockPrefix);
}

/** There is never such a key: the compare holds, and names the transaction. */
function markOf(mark: number): Compare {
  return { of: 'exists', target: { type: 'key', key: `${markPrefix}${mark}` }, is: false };
}

export interface Parts {
  readonly compares?: readonly Compare[];
  readonly then: readonly Operation[];
  readonly otherwise?: readonly Operation[];
}

/** `isIdempotent`: it may be asked for again and again. */
export function transactionOf(mark: number, parts: Parts, isIdempotent: boolean): WriteOf {
  const { compares = [], then, otherwise = [] } = parts;
  const transaction: Transaction = { compares: [markOf(mark), ...compares], then, otherwise };
  const fingerprint = createHash('sha256').update(`request ${mark}`).digest();
  return {
    type: 'transaction',
    idempotency: isIdempotent ? { key: `request ${mark}`, fingerprint } : null,
    transaction,
  };
}

/** Null: nobody asks whether it was done. Writes with one name are one request. */
export function nameOf(write: WriteOf | Command): string | null {
  if (write.type === 'put') return Buffer.from(write.value).toString();
  if (write.type !== 'transaction') return null;
  const [compare] = write.transaction.compares;
  return compare?.of === 'exists' && compare.target.type === 'key' ? compare.target.key : null;
}
