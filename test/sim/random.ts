/** One stream of chance for each concern, all from one seed: a draw more in one shifts nothing in the others. */
import { crc32 } from 'node:zlib';
import { SeededRandom } from '../raft/seeded-random.ts';

export { SeededRandom } from '../raft/seeded-random.ts';

export function streamOf(seed: number, concern: string): SeededRandom {
  return new SeededRandom(crc32(`${seed}/${concern}`));
}
