/** The files of a data directory, and what can happen to their bytes while nobody has them open. */
import { cp, open, readdir, rm, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import type { SeededRandom } from '../random.ts';

export const pageBytes = 4096;

export async function sizeOf(file: string): Promise<number> {
  return (await stat(file)).size;
}

/** The files with such names, oldest first. */
export async function filesLike(directory: string, name: RegExp): Promise<readonly string[]> {
  const names = (await readdir(directory)).filter((file) => name.test(file)).sort();
  return names.map((file) => path.join(directory, file));
}

export async function replace(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await cp(from, to, { recursive: true });
}

export async function flipBit(file: string, offset: number, bit: number): Promise<void> {
  await overwrite(file, offset, 1, (bytes) => {
    bytes[0] = (bytes[0] ?? 0) ^ (1 << bit);
  });
}

export async function zero(file: string, offset: number, lengthBytes: number): Promise<void> {
  await overwrite(file, offset, lengthBytes, (bytes) => bytes.fill(0));
}

export async function cutTo(file: string, sizeBytes: number): Promise<void> {
  await truncate(file, Math.max(0, sizeBytes));
}

/** Some byte of a file that has any. */
export function anyOffset(random: SeededRandom, sizeBytes: number): number {
  return random.integer(0, sizeBytes - 1);
}

async function overwrite(
  file: string,
  offset: number,
  lengthBytes: number,
  change: (bytes: Buffer) => void,
): Promise<void> {
  await using handle = await open(file, 'r+');
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(lengthBytes), 0, lengthBytes, offset);
  change(buffer);
  await handle.write(buffer, 0, bytesRead, offset);
}
