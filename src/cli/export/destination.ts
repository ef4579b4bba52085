/** Where an export goes. */
import { type FileHandle, open } from 'node:fs/promises';
import type { Output } from '../command.ts';
import { Failure } from '../failure.ts';
import { write } from '../output.ts';

export interface Destination {
  write(text: string): Promise<void>;
  close(): Promise<void>;
}

export const standardOutput = (stdout: Output): Destination => ({
  write: (text) => write(stdout, text),
  close: () => Promise.resolve(),
});

/** The file up to where the checkpoint says; what an earlier run wrote beyond is cut off. */
export async function openOutput(file: string, bytes: number): Promise<Destination> {
  const handle = await open(file, bytes === 0 ? 'w' : 'r+').catch((error: NodeJS.ErrnoException) => {
    throw new Failure(`cannot write ${file}: ${error.message}`);
  });
  try {
    await cutTo(handle, file, bytes);
  } catch (error) {
    await handle.close();
    throw error;
  }
  let position = bytes;
  return {
    async write(text) {
      const content = Buffer.from(text);
      await handle.write(content, 0, content.byteLength, position);
      // The checkpoint must not say more than the disk holds.
      await handle.datasync();
      position += content.byteLength;
    },
    close: () => handle.close(),
  };
}

async function cutTo(handle: FileHandle, file: string, bytes: number): Promise<void> {
  const { size } = await handle.stat();
  if (size < bytes) {
    throw new Failure(`cannot resume: ${file} has ${size} bytes, expected ${bytes} or more; start without --resume`);
  }
  await handle.truncate(bytes);
}
