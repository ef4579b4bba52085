/**
 * Names for what a test run leaves outside its own memory: directories and network namespaces.
 * The name holds its owner's process id and start time, so that a later run can clear away what a killed one left.
 */
import { readFileSync } from 'node:fs';

const pattern = /^bazar-(\d+)-(\d+)-/;

let named = 0;

export function ownedName(): string {
  named += 1;
  return `bazar-${process.pid}-${startTime(process.pid) ?? 0}-${named}`;
}

/** A name that ownedName made, of a process that is no more. */
export function isAbandoned(name: string): boolean {
  const match = pattern.exec(name);
  return match !== null && startTime(Number(match[1])) !== Number(match[2]);
}

/** In clock ticks since boot, from /proc; null if there is no such process. */
function startTime(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name may hold blanks and brackets: after the last bracket come the fields from 3 on; 22 is the start.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return null;
  }
}
