/**
 * Nothing ends before its time: from when its write was asked for until an entry that ends it is applied anywhere, as long as its
 * lifetime must have passed, as the fastest clock counts it. A stamp may be a little older than the write behind it.
 */
import type { Operation, Target } from '../../../src/store/transaction.ts';
import type { Change } from '../../../src/store/watch.ts';
import type { CatalogRun } from './judge.ts';
import type { LoggedCommand, LoggedCommands } from './logged.ts';
import { nameOf } from './writes.ts';

const stampAgeMsMax = 100;
const roundingMs = 2;

export function lifetimeProblems(
  { operations, appliedAtMs, fastestRate }: CatalogRun,
  logged: LoggedCommands,
  changes: readonly Change[],
): readonly string[] {
  const askedAt = new Map<string, number>();
  for (const { asked, invokedAt } of operations) {
    const name = asked.type === 'write' ? nameOf(asked.write) : null;
    if (name !== null) askedAt.set(name, Math.min(askedAt.get(name) ?? invokedAt, invokedAt));
  }
  /** What stands under each subject, since when. */
  const standing = new Map<string, Change>();
  const problems: string[] = [];
  for (const change of changes) {
    const subject = JSON.stringify(change.subject);
    const before = standing.get(subject);
    standing.set(subject, change);
    if (change.type !== 'delete' || !change.expired || before === undefined) continue;
    const entry = logged.at(before.revision);
    const name = entry?.command ? nameOf(entry.command) : null;
    const fromMs = name === null ? undefined : askedAt.get(name);
    const ttlMs = ttlOf(entry, subject);
    const toMs = appliedAtMs.get(change.revision);
    // A patch keeps the lifetime of what it changes.
    if (fromMs === undefined || ttlMs === null || toMs === undefined) continue;
    const leastMs = (ttlMs - stampAgeMsMax) / fastestRate - roundingMs;
    if (toMs - fromMs >= leastMs) continue;
    problems.push(
      `${subject} was to stand for ${ttlMs} ms from ${fromMs.toFixed(0)} ms on (revision ${before.revision}), ` +
        `and was ended at ${toMs.toFixed(0)} ms (revision ${change.revision})`,
    );
  }
  return problems;
}

/** Null: it was given none by this entry. */
function ttlOf(entry: LoggedCommand | null, subject: string): number | null {
  if (entry?.command?.type !== 'transaction' || entry.result?.type !== 'transaction') return null;
  const { then, otherwise } = entry.command.transaction;
  for (const operation of entry.result.succeeded ? then : otherwise) {
    if (JSON.stringify(subjectOf(operation)) !== subject || !('ttlMs' in operation)) continue;
    return operation.ttlMs;
  }
  return null;
}

function subjectOf(operation: Operation): Target | null {
  if (operation.type === 'put') return { type: 'key', key: operation.key };
  if (operation.type !== 'putDocument') return null;
  return { type: 'document', collection: operation.collection, id: operation.id };
}
