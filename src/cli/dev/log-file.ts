/** A log file that stays small: at its limit it becomes `FILE.1`, in place of the one before. */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

export const logBytesMax = 10 * 1024 * 1024;

export interface LogFile {
  /** Throws what the disk throws. */
  write(chunk: Buffer): void;
}

/** Written synchronously: nothing piles up in memory, and a line is in the file before it is on the screen. */
export function openLogFile(file: string, bytesMax = logBytesMax): LogFile {
  let descriptor = openSync(file, 'a');
  let bytes = fstatSync(descriptor).size;
  return {
    write(chunk) {
      if (bytes > 0 && bytes + chunk.byteLength > bytesMax) {
        closeSync(descriptor);
        renameSync(file, `${file}.1`);
        descriptor = openSync(file, 'a');
        bytes = 0;
      }
      writeSync(descriptor, chunk);
      bytes += chunk.byteLength;
    },
  };
}
