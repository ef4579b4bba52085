/** Opening a log when a replica starts: read, judge (boot-verdict.ts), and do as the verdict says. */
import { join } from 'node:path';
import type { Logger } from '../logger.ts';
import { invariant, unreachable } from '../raft/assert.ts';
import { type HardState, index, type ReplicaId } from '../raft/types.ts';
import { type BootVerdict, bootVerdict } from './boot-verdict.ts';
import type { Disk, KeyValueStore } from './disk.ts';
import { errorCode, StartError } from './errors.ts';
import { readRecord } from './log-record.ts';
import { copyLog, finishRepair, logName, replaceLog } from './log-repair.ts';
import { batchOperations } from './log-rows.ts';
import { damageIn, noEvidence, scanLog } from './log-scan.ts';
import { type LogSummary, LogSummaryBuilder, summaryThrough } from './log-summary.ts';
import { Witness, type WitnessSlot } from './witness.ts';

export const witnessName = 'witness';

export interface VerifiedLog {
  readonly database: KeyValueStore;
  readonly summary: LogSummary;
  /** With the claim, if the log does not reach it. */
  readonly hardState: HardState;
  /** Above all that was ever durable here. */
  readonly nextGeneration: number;
}

interface BootOptions {
  readonly replicaId: ReplicaId;
  readonly log: Logger;
}

export async function openWitness(disk: Disk, directory: string, replicaId: ReplicaId): Promise<Witness> {
  try {
    return await Witness.open(disk, join(directory, witnessName), { create: false });
  } catch (error) {
    const code = errorCode(error);
    throw code === 'ENOENT' || code === 'fileSize' ? replicaLost(directory, replicaId) : error;
  }
}

export async function openVerifiedLog(
  disk: Disk,
  directory: string,
  slots: readonly WitnessSlot[],
  { replicaId, log }: BootOptions,
): Promise<VerifiedLog> {
  await using opened = new AsyncDisposableStack();
  if (await finishRepair(disk, directory)) log.info('a repair of the log that had been cut short is finished');
  const found = await openDatabase(disk, directory);
  const database = found.type === 'opened' ? found.database : null;
  opened.defer(() => database?.close());
  const evidence = found.type === 'opened' ? await scanLog(found.database) : noEvidence(found.flaw);
  const { prefix } = evidence;
  const verdict = bootVerdict(slots, evidence);
  switch (verdict.type) {
    case 'replicaLost':
      throw replicaLost(directory, replicaId);
    case 'normal':
      invariant(database !== null, 'only a database that opens is whole');
      opened.move();
      log.info('the log is whole', { lastIndex: prefix.last.index, lastTerm: prefix.last.term });
      return { ...verdict, database, summary: prefix };
    case 'applySlot': {
      invariant(database !== null, 'only a database that opens is whole');
      const summary = await applySlot(database, prefix, verdict.slot);
      opened.move();
      log.info('the log is whole; its last batch came from the witness', {
        lastIndex: summary.last.index,
        lastTerm: summary.last.term,
      });
      return { ...verdict, database, summary };
    }
    case 'recovering': {
      const { keep, hardState, nextGeneration } = verdict;
      const summary = summaryThrough(prefix, keep.index, evidence.chainHashAt(keep.index));
      await copyLog(disk, directory, database, {
        generation: nextGeneration - 1,
        hardState,
        last: summary.last,
        chainHash: summary.chainHash,
      });
      await opened.disposeAsync();
      await replaceLog(disk, directory);
      warnOfDamage(log, verdict);
      const rebuilt = await disk.openKeyValueStore(join(directory, logName), { createIfMissing: false });
      return { ...verdict, database: rebuilt, summary };
    }
    default:
      return unreachable(verdict);
  }
}

async function openDatabase(
  disk: Disk,
  directory: string,
): Promise<
  { readonly type: 'opened'; readonly database: KeyValueStore } | { readonly type: 'damaged'; readonly flaw: string }
> {
  try {
    const database = await disk.openKeyValueStore(join(directory, logName), { createIfMissing: false });
    return { type: 'opened', database };
  } catch (error) {
    return { type: 'damaged', flaw: damageIn(error) };
  }
}

async function applySlot(database: KeyValueStore, log: LogSummary, slot: WitnessSlot): Promise<LogSummary> {
  const before = index(slot.head.last.index - slot.records.length);
  const builder = new LogSummaryBuilder(summaryThrough(log, before, slot.previous));
  for (const bytes of slot.records) {
    const record = readRecord(bytes);
    invariant(record.type === 'record', 'a whole slot holds whole records');
    builder.add(record);
  }
  const summary = builder.build();
  invariant(summary.chainHash === slot.head.chainHash, "a slot's batch ends with the entry that its head names");
  await database.batch(batchOperations(slot.head, slot.records, log.last.index), { sync: true });
  return summary;
}

/** Nobody knows any more what it has promised: under its old id it could vote twice. */
function replicaLost(directory: string, replicaId: ReplicaId): StartError {
  return new StartError(
    'replicaLost',
    `${replicaId} lost its data: remove it and add a replacement under a new id ` +
      `(nothing in ${join(directory, witnessName)} can be read)`,
  );
}

function warnOfDamage(
  log: Logger,
  { reason, claim, keep, hardState }: Extract<BootVerdict, { readonly type: 'recovering' }>,
): void {
  log.warn(
    hardState.claim === null
      ? 'the log was damaged, recovering: every entry is still here, and the log was rebuilt'
      : 'the log was damaged and lost entries, recovering: the leader sends them again',
    {
      reason,
      keptIndex: keep.index,
      keptTerm: keep.term,
      claimIndex: claim.index,
      claimTerm: claim.term,
    },
  );
}
