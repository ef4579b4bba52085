import { readFile } from 'node:fs/promises';
import { pause } from '../test/cluster/wait.ts';

const ticksPerSecond = 100;

/** What the processes together use of one core, in percent, over so many seconds. */
export async function cpuPercent(pids: readonly number[], seconds: number): Promise<number> {
  const before = await ticks(pids);
  const startedAt = performance.now();
  await pause(seconds * 1000);
  const elapsedSeconds = (performance.now() - startedAt) / 1000;
  return (((await ticks(pids)) - before) / ticksPerSecond / elapsedSeconds) * 100;
}

/** In user and system mode, from /proc/PID/stat. */
async function ticks(pids: readonly number[]): Promise<number> {
  let sum = 0;
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The fields after the command's closing bracket begin with the third; utime and stime are 14 and 15.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    sum += Number(fields[11]) + Number(fields[12]);
  }
  return sum;
}
