/** A disk that fills up under a replica at work, and gets room again later. */
import type { Outcome } from './case.ts';
import { lastWords } from './life.ts';
import type { Lives } from './lives.ts';
import { agree } from './mismatch.ts';
import type { SmallDisk } from './small-disk.ts';

export const fullDiskName = 'disk full';
/** The witness takes 5 of them. */
export const smallMiB = 10;
const roomMiB = 64;
const afterwardsMax = 60;

/** Throws Mismatch. */
export async function runFullDiskCase(lives: Lives, disk: SmallDisk, note: (line: string) => void): Promise<Outcome> {
  const filling = await lives.workUntilFailed();
  const last = filling.at(-1);
  agree(
    last?.type === 'failed' && (last.code === 'logWriteFailed' || last.code === 'stateWriteFailed'),
    () => `on a full disk it must stop: ${lastWords(filling)}`,
  );
  note(`failed with ${last.code} behind entry ${lives.oracle.committed}`);
  // There may be room for a start, or none; it must not do harm.
  note(`started on the full disk: ${lastWords(await lives.report(null))}`);
  await disk.resize(roomMiB);
  await lives.work('killedWorking', afterwardsMax, null);
  const report = await lives.report(null);
  agree(report.at(-1)?.type === 'closed', () => `with room again it did not close: ${lastWords(report)}`);
  return 'harmless';
}
