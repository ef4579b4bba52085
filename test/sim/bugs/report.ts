/** What came of a hunt, for a person. */
import type { Verdict } from './hunt.ts';

const nameWidth = 52;
const checkerWidth = 16;
const messageLengthMax = 100;

export const heading: string = row('bug', 'found by', 'seed', 'seeds', 'seconds', 'message');

export function lineOf(verdict: Verdict): string {
  const seconds = verdict.seconds.toFixed(1);
  switch (verdict.type) {
    case 'found': {
      const { bug, checker, seed, seeds, message } = verdict;
      return row(bug, checker, `${seed}`, `${seeds}`, seconds, firstLine(message));
    }
    case 'notFound':
      return row(verdict.bug, 'NOT FOUND', '', `${verdict.seeds}`, seconds, '');
    case 'broken':
      return row(verdict.bug, 'BROKEN', '', '', seconds, firstLine(verdict.message));
  }
}

/** How many were found, and how many seeds it took. */
export function summaryOf(verdicts: readonly Verdict[]): string {
  const found = verdicts.filter((verdict) => verdict.type === 'found').toSorted((a, b) => a.seeds - b.seeds);
  const told = `${found.length} of ${verdicts.length} planted bugs found`;
  const median = found[found.length >> 1];
  const worst = found.at(-1);
  if (median === undefined || worst === undefined) return told;
  return `${told}; seeds needed: median ${median.seeds}, worst ${worst.seeds} (${worst.bug})`;
}

function row(bug: string, checker: string, seed: string, seeds: string, seconds: string, message: string): string {
  const numbers = `${seed.padStart(6)} ${seeds.padStart(6)} ${seconds.padStart(8)}`;
  return `${bug.padEnd(nameWidth)} ${checker.padEnd(checkerWidth)} ${numbers}  ${message}`.trimEnd();
}

function firstLine(message: string): string {
  const [line = ''] = message.split('\n', 1);
  return line.length > messageLengthMax ? `${line.slice(0, messageLengthMax)}…` : line;
}
