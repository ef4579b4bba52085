/** What the command line asks for. */
import { parseArgs } from 'node:util';

export type Command =
  | { readonly type: 'help' }
  | { readonly type: 'replaySeed'; readonly seed: number }
  | { readonly type: 'replayPlan'; readonly path: string }
  | {
      readonly type: 'seeds';
      readonly from: number;
      readonly to: number;
      readonly jobs: number;
      readonly shrinks: boolean;
    };

/** What a person typed cannot be done; the message says why. */
export class ArgumentError extends Error {
  override readonly name = 'ArgumentError';
}

export const help = `The simulation: the whole cluster in virtual time, with faults.

  npm run sim -- --seeds 1..1000 --jobs 2   run these seeds, until one fails
  npm run sim -- --seed 42                  run one, and tell what happened in it
  npm run sim -- --plan FILE                run the plan in this file, and tell what happened

  --seeds A..B    the seeds from A to B
  --jobs N        so many processes at a time (1)
  --no-shrink     do not look for a shorter plan that fails
  --help          this text

A failing seed is cut down to a shorter plan, which is written to a file. The exit code is 0 if all is well, 1 if a run
failed or could not be judged, and 2 if the command is not understood. test/sim/README.md says how to read a failure.
`;

const seedMax = 2 ** 32 - 1;
const jobsMax = 256;

export function readArguments(args: readonly string[]): Command {
  const { seed, seeds, plan, jobs, help: asksForHelp, 'no-shrink': noShrink } = parse(args);
  if (asksForHelp) return { type: 'help' };
  const modes = [seed, seeds, plan].filter((mode) => mode !== undefined);
  if (modes.length !== 1) throw new ArgumentError('one of --seed, --seeds and --plan is needed');
  if (seeds === undefined && (jobs !== undefined || noShrink)) {
    throw new ArgumentError('--jobs and --no-shrink go with --seeds');
  }
  if (plan !== undefined) return { type: 'replayPlan', path: plan };
  if (seed !== undefined) return { type: 'replaySeed', seed: whole('--seed', seed, 0, seedMax) };
  const { from, to } = range(seeds ?? '');
  return { type: 'seeds', from, to, jobs: whole('--jobs', jobs ?? '1', 1, jobsMax), shrinks: noShrink !== true };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string' },
        seeds: { type: 'string' },
        plan: { type: 'string' },
        jobs: { type: 'string' },
        'no-shrink': { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new ArgumentError(error instanceof Error ? error.message : String(error));
  }
}

function range(text: string): { readonly from: number; readonly to: number } {
  const [, first, last] = /^(\d+)\.\.(\d+)$/.exec(text) ?? [];
  if (first === undefined || last === undefined) throw new ArgumentError(`--seeds is like 1..1000, not ${text}`);
  const from = whole('--seeds', first, 0, seedMax);
  const to = whole('--seeds', last, 0, seedMax);
  if (to < from) throw new ArgumentError(`--seeds ends before it begins: ${text}`);
  return { from, to };
}

function whole(name: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw new ArgumentError(`${name} is a number from ${min} to ${max}, not ${text}`);
  return value;
}
