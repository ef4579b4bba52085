/** Reading and verifying a whole log when a replica starts, in bounded memory. */
import { index } from '../raft/types.ts';
import type { LogEvidence } from './boot-verdict.ts';
import type { KeyValueStore } from './disk.ts';
import { errorCode, StartError } from './errors.ts';
import { decodeMeta, type LogHead } from './log-head.ts';
import { chainHashBeforeTheLog } from './log-record.ts';
import { chainHashIn, metaKey, verifiedRecords } from './log-rows.ts';
import { emptyLog, LogSummaryBuilder } from './log-summary.ts';

export async function scanLog(database: KeyValueStore): Promise<LogEvidence> {
  const prefix = new LogSummaryBuilder(emptyLog);
  let flaw: string | null = null;
  try {
    for await (const record of verifiedRecords(database, index(1), null, chainHashBeforeTheLog)) {
      if (record.type === 'flaw') flaw = record.reason;
      else prefix.add(record);
    }
  } catch (error) {
    flaw = damageIn(error);
  }
  return {
    meta: readMeta(database),
    prefix: prefix.build(),
    flaw,
    chainHashAt: (at) => chainHashIn(database, at),
  };
}

/** The evidence of a database that cannot be opened. */
export function noEvidence(flaw: string): LogEvidence {
  return { meta: null, prefix: emptyLog, flaw, chainHashAt: () => chainHashBeforeTheLog };
}

function readMeta(database: KeyValueStore): LogHead | null {
  try {
    const bytes = database.get(metaKey);
    return bytes === undefined ? null : decodeMeta(bytes);
  } catch (error) {
    damageIn(error);
    return null;
  }
}

/** What the machine lacks says nothing of the log. */
const shortages: ReadonlySet<string | undefined> = new Set([
  'LEVEL_LOCKED',
  'EACCES',
  'EPERM',
  'EROFS',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'ENOSPC',
  'EDQUOT',
]);

/** What the error says is damaged. Throws StartError (logUnavailable) if it is not about damage. */
export function damageIn(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (shortages.has(errorCode(error))) {
    throw new StartError('logUnavailable', `the log cannot be opened: ${message}; mend that and start again`, {
      cause: error,
    });
  }
  return message;
}
