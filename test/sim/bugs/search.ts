/** Searches seeds for one that finds a bug, each search in a process of its own: the bug is in it from the start. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SeedSearch, SeedSearchMessage } from './seed-search.ts';

export type SearchOutcome =
  | { readonly type: 'failed'; readonly seed: number; readonly checker: string; readonly message: string }
  | { readonly type: 'passed' }
  | { readonly type: 'broken'; readonly message: string };

export interface SearchOptions {
  /** A seed that takes longer hangs. */
  readonly seedSecondsMax: number;
}

const program = fileURLToPath(new URL('seed-search.ts', import.meta.url));

/** A process that dies or hangs over a seed has failed in it. Never rejects. */
export function searchSeeds(search: SeedSearch, { seedSecondsMax }: SearchOptions): Promise<SearchOutcome> {
  return new Promise((resolve) => {
    const child = fork(program, [JSON.stringify(search)], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    let seed: number | null = null;
    let outcome: SearchOutcome | null = null;
    let complaint = '';
    let watchdog: NodeJS.Timeout | undefined;
    const conclude = (found: SearchOutcome) => {
      outcome ??= found;
    };
    const watch = (seconds: number) => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => {
        conclude(failedIn(seed, 'hang', `it does not end within ${seconds} s`));
        child.kill('SIGKILL');
      }, seconds * 1000);
    };
    watch(startSecondsMax);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-complaintLengthMax);
    });
    child.on('message', (message: SeedSearchMessage) => {
      watch(seedSecondsMax);
      if (message.type === 'begins') seed = message.seed;
      else conclude(message);
    });
    child.once('error', (error) => conclude({ type: 'broken', message: error.message }));
    child.once('close', (code, signal) => {
      clearTimeout(watchdog);
      conclude(failedIn(seed, 'process', `it ended with ${signal ?? code}: ${errorIn(complaint)}`));
      if (outcome !== null) resolve(outcome);
    });
  });
}

const startSecondsMax = 120;
const complaintLengthMax = 4000;

/** Node prints where it was thrown before the error itself. */
function errorIn(complaint: string): string {
  return complaint.match(/^\w*(?:Error|Violation)\b.*$/m)?.[0] ?? complaint.trim();
}

function failedIn(seed: number | null, checker: string, message: string): SearchOutcome {
  return seed === null ? { type: 'broken', message } : { type: 'failed', seed, checker, message };
}
