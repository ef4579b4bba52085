/** Tells damaged data from a disk that cannot be read at the moment. */

import { errorCode } from './errors.ts';

/** The row is not what was written: the state it belongs to can no longer be trusted. */
export class DamagedRowError extends Error {
  override readonly name = 'DamagedRowError';
}

/** A row that is wrong, a file that LevelDB finds wrong, one that is gone, or one that is too short to be a table. */
const damageCodes: ReadonlySet<string | undefined> = new Set(['LEVEL_CORRUPTION', 'ENOENT', 'EINVAL']);

export function isDamage(error: unknown): boolean {
  return causes(error).some((cause) => cause instanceof DamagedRowError || damageCodes.has(errorCode(cause)));
}

export function isHeldByAnother(error: unknown): boolean {
  return causes(error).some((cause) => errorCode(cause) === 'LEVEL_LOCKED');
}

/** The message of the innermost cause, where LevelDB says what it found. */
export function innermostMessage(error: unknown): string {
  return causes(error).at(-1)?.message ?? String(error);
}

function causes(error: unknown): readonly Error[] {
  return error instanceof Error ? [error, ...causes(error.cause)] : [];
}
