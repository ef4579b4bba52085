/** The keys that every load draws from, and that have to exist beforehand. */
import type { HttpClient } from '../test/cluster/http-client.ts';

const valueBytes = 200;
const writers = 64;

export const value = 'x'.repeat(valueBytes);

/** From 1 on, as wrk's script names them. */
export function keyOf(number: number): string {
  return `bench-${`${number}`.padStart(5, '0')}`;
}

export function keysUpTo(count: number): readonly string[] {
  return Array.from({ length: count }, (_, position) => keyOf(position + 1));
}

/** Writes each of them, or asks for each; an answer other than success is an error. */
export async function forEachKey(count: number, ask: (key: string) => Promise<number>): Promise<void> {
  const keys = keysUpTo(count).values();
  const lane = async () => {
    for (const key of keys) {
      const status = await ask(key);
      if (status !== 200 && status !== 201) throw new Error(`${key} was answered with status ${status}, expected 200`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(writers, count) }, lane));
}

export async function fill(client: HttpClient, count: number): Promise<void> {
  await forEachKey(count, async (key) => (await client.put(key, value)).status);
}
