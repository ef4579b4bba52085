import { rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import test from 'ava';
import { scratchDirectory } from '../../cluster/scratch.ts';
import type { Outcome } from './case.ts';
import { type CaseResult, caseKinds, nameOf, runCase } from './run-case.ts';
import { smallDiskLack } from './small-disk.ts';

/** Every way to damage a directory once, on the log or on the state, with all that may come of it. */
const expected: Readonly<Record<string, readonly Outcome[]>> = {
  none: ['harmless'],
  'log: bit flipped in the log file': ['harmless', 'repaired', 'RECOVERING'],
  'log: page of the log file zeroed': ['harmless', 'repaired', 'RECOVERING'],
  'log: log file deleted': ['RECOVERING'],
  // A start that was cut short leaves tables that belong to nothing.
  'log: table cut': ['harmless', 'RECOVERING'],
  'log: manifest cut in half': ['RECOVERING'],
  'log: CURRENT deleted': ['RECOVERING'],
  'state: log file cut': ['harmless', 'rebuilt'],
  'state: bit flipped in a table': ['harmless', 'rebuilt', 'by hand'],
  'state: manifest without its tail': ['rebuilt'],
  'witness: bit flipped in a slot': ['harmless', 'RECOVERING'],
  'witness: both slots rotten': ['refused'],
  'stale copy: state': ['harmless'],
  'stale copy: log and witness': ['refused'],
  'disk full': ['harmless'],
};

/** A case waits for its disk most of the time; more of them would only take the processor from other tests. */
const lanes: Promise<unknown>[] = Array.from({ length: Math.min(2, availableParallelism()) }, () => Promise.resolve());
const scratch = await scratchDirectory();
test.after.always(() => rm(scratch, { recursive: true, force: true }));

for (const [seed, [name, outcomes]] of Object.entries(expected).entries()) {
  const kind = caseKinds.find((each) => nameOf(each) === name);
  if (kind === undefined) throw new Error(`no damage is called ${name}`);
  const lack = kind.type === 'fullDisk' ? smallDiskLack() : null;
  const declare = lack === null ? test : test.skip;
  declare(`the real disk keeps its promises: ${name}${lack === null ? '' : ` (${lack})`}`, async (t) => {
    const { outcome, mismatch, notes } = await inLane(seed, () => runCase(kind, seed, 'brief', scratch));
    for (const note of notes) t.log(note);
    t.is(mismatch, null);
    t.true(outcome !== null && outcomes.includes(outcome), `${outcome}`);
  });
}

function inLane(position: number, work: () => Promise<CaseResult>): Promise<CaseResult> {
  const lane = position % lanes.length;
  const done = (lanes[lane] ?? Promise.resolve()).then(work);
  lanes[lane] = done;
  return done;
}
