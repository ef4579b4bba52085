/** A disk that fills up under a replica at work, and gets room again later. */
import type { Outcome } from './case.ts';
import type { Lives } from './lives.ts';
import { agree } from './mismatch.ts';
import type { SmallDisk } from './small-disk.ts';

export const fullDiskName = 'disk full';
/** The witness takes 5 of them. */
export const smallMiB = 10;
const roomMiB = 64;

/** Throws Mismatch. */
export async function runFullDiskCase(lives: Lives, disk: SmallDisk, note: (line: string) => void): Promise<Outcome> {
  const last = (await lives.workUntilFailed()).at(-1);
  agree(
    last?.type === 'failed' && (last.code === 'logWriteFailed' || last.code === 'stateWriteFailed'),
    () => `on a full disk it ends with ${JSON.stringify(last)}`,
  );
  note(`failed with ${last.code} behind entry ${lives.oracle.committed}`);
  // There may be room for a start, or none; it must not do harm.
  const full = (await lives.report(null)).at(-1);
  note(`on the full disk it ends with ${JSON.stringify(full)}`);
  await disk.resize(roomMiB);
  await lives.work('killedWorking', null);
  const report = (await lives.report(null)).at(-1);
  agree(report?.type === 'closed', () => `with room again it ends with ${JSON.stringify(report)}`);
  return 'harmless';
}
