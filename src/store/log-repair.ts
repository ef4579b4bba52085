/**
 * A damaged log is never repaired in place: what was verified is copied to a new database, which then takes the old
 * one's name. A crash before that leaves the damaged log, a crash after it a log that is judged as that one was.
 */
import { join } from 'node:path';
import { type Index, index } from '../raft/types.ts';
import type { Disk, KeyValueStore, WriteOperation } from './disk.ts';
import { StoreError } from './errors.ts';
import type { LogHead } from './log-head.ts';
import { chainHashBeforeTheLog } from './log-record.ts';
import { entryKey, metaOperation, verifiedRecords } from './log-rows.ts';

export const logName = 'log';
const rebuildName = 'log.rebuild';
const damagedName = 'log.damaged';

const copyBytes = 1024 * 1024;

/** `damaged` is null if it could not be opened. The new log holds the entries up to `head.last`. */
export async function copyLog(
  disk: Disk,
  directory: string,
  damaged: KeyValueStore | null,
  head: LogHead,
): Promise<void> {
  const path = join(directory, rebuildName);
  await disk.remove(path);
  const rebuild = await disk.openKeyValueStore(path, { createIfMissing: true });
  try {
    if (damaged !== null) await copyEntries(damaged, rebuild, head.last.index);
    await rebuild.batch([metaOperation(head)], { sync: true });
  } finally {
    await rebuild.close();
  }
}

/** Puts the copy in the place of the damaged log, which stays beside it until the next repair. */
export async function replaceLog(disk: Disk, directory: string): Promise<void> {
  const log = join(directory, logName);
  if ((await disk.list(directory)).includes(logName)) {
    await disk.remove(join(directory, damagedName));
    await disk.rename(log, join(directory, damagedName));
  }
  await disk.rename(join(directory, rebuildName), log);
}

/**
 * The damaged log goes only when the copy is whole, so without a log the copy has its place; true if there was one.
 */
export async function finishRepair(disk: Disk, directory: string): Promise<boolean> {
  const names = await disk.list(directory);
  if (names.includes(logName) || !names.includes(rebuildName)) return false;
  await disk.rename(join(directory, rebuildName), join(directory, logName));
  return true;
}

/** Each batch is synced: a later sync would not vouch for an earlier batch that LevelDB has moved on from. */
async function copyEntries(source: KeyValueStore, target: KeyValueStore, through: Index): Promise<void> {
  let operations: WriteOperation[] = [];
  let bytes = 0;
  for await (const record of verifiedRecords(source, index(1), through, chainHashBeforeTheLog)) {
    if (record.type === 'flaw')
      throw new StoreError('logDamaged', `the log changed while it was copied: ${record.reason}`);
    operations.push({ type: 'put', key: entryKey(record.entry.index), value: record.bytes });
    bytes += record.bytes.length;
    if (bytes >= copyBytes) {
      await target.batch(operations, { sync: true });
      operations = [];
      bytes = 0;
    }
  }
  await target.batch(operations, { sync: true });
}
