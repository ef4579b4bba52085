/** Errors as the real disk has them: with the system's code, or LevelDB's. */

export type DiskErrorCode =
  | 'EBADF'
  | 'EIO'
  | 'EISDIR'
  | 'ENOENT'
  | 'ENOSPC'
  | 'ENOTDIR'
  | 'ENOTEMPTY'
  | 'LEVEL_CORRUPTION'
  | 'LEVEL_DATABASE_NOT_OPEN'
  | 'LEVEL_ITERATOR_NOT_OPEN'
  | 'LEVEL_LOCKED'
  | 'LEVEL_SNAPSHOT_NOT_OPEN';

export function diskError(code: DiskErrorCode, reason: string): Error {
  return Object.assign(new Error(`${code}: ${reason}`), { code });
}
