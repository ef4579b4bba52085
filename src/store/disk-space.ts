/** Refusing writes while there is still room spares the log a failed append, after which LevelDB may lose what follows. */
import { statfs } from 'node:fs/promises';
import type { Logger } from '../logger.ts';

/** Enough for the batches on their way, both databases' compactions and the witness. */
const reserveBytes = 64 * 1024 * 1024;
const checkIntervalMs = 1000;

export interface DiskSpace {
  readonly full: boolean;
  close(): void;
}

export async function watchDiskSpace(path: string, log: Logger): Promise<DiskSpace> {
  let full = false;
  const check = async (): Promise<void> => {
    const { bavail, bsize } = await statfs(path);
    const nowFull = bavail * bsize < reserveBytes;
    if (nowFull !== full) log.warn(nowFull ? 'the disk is full: writes are refused' : 'the disk has room again');
    full = nowFull;
  };
  await check();
  const timer = setInterval(() => void check().catch((error: Error) => log.error(error.message)), checkIntervalMs);
  timer.unref();
  return {
    get full() {
      return full;
    },
    close: () => clearInterval(timer),
  };
}
