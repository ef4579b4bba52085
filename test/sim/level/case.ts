/** One case: a directory lives for a while, something happens to its files, and it lives on. */
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { SeededRandom } from '../random.ts';
import type { Damage } from './damage.ts';
import { replace } from './files.ts';
import { lastWords } from './life.ts';
import type { Lives } from './lives.ts';
import { agree, Mismatch } from './mismatch.ts';
import type { Damaged } from './oracle.ts';
import type { Found, LifeLine } from './protocol.ts';

/** By hand: LevelDB ends the process at every start, until somebody moves the damaged database away. */
export const outcomes = ['harmless', 'repaired', 'RECOVERING', 'rebuilt', 'refused', 'by hand'] as const;
export type Outcome = (typeof outcomes)[number];

/** Brief: as few lives as it takes. */
export type Extent = 'full' | 'brief';

export interface CaseContext {
  readonly lives: Lives;
  readonly directory: string;
  readonly extent: Extent;
  /** Says what was done, for a person. */
  readonly note: (line: string) => void;
}

/** How long it works to show that it can. */
const afterwardsMax = 40;
/** A state that is found damaged while it runs stops the replica; the next start builds it anew. */
const failuresMax = 3;

/** Throws Mismatch. */
export async function runDamageCase(damage: Damage, context: CaseContext): Promise<Outcome> {
  const { lives, directory, extent, note } = context;
  const { random } = lives;
  const older = `${directory}.older`;
  const { count, answersMax } = livesBefore(extent, random);
  for (let life = 1; life <= count; life++) {
    // What a stale log lacks must stand in the state, or nobody can notice: a life that closes has written it.
    const closes = life === count ? damage.part === 'identity' : random.chance(0.2);
    await lives.work(closes ? 'closed' : 'killedWorking', answersMax, null);
    if (life === 1) await replace(directory, older);
    // A start leaves LevelDB's log file empty: seldom before the damage.
    if (random.chance(life < count ? 0.3 : 0.05)) await lives.cutShort(null);
  }
  const copy = `${directory}.copy`;
  await replace(directory, copy);
  const truth = await lives.lookAt(copy);
  await rm(copy, { recursive: true });
  note(`${count} lives, ${truth.found.entries.length} entries, committed ${lives.oracle.committed}`);
  note(await damage.inflict({ directory, older, random }));
  await rm(older, { recursive: true });
  switch (damage.part) {
    case 'identity':
      return isRefused(lives);
    case 'none':
      return goesOn(context, null);
    case 'log':
    case 'state':
      return goesOn(context, { part: damage.part, truth });
  }
}

function livesBefore(extent: Extent, random: SeededRandom): { readonly count: number; readonly answersMax: number } {
  if (extent === 'brief') return { count: 2, answersMax: 40 };
  // A start leaves a table behind, and four of them make LevelDB compact: then it reads what nobody else does.
  if (random.chance(0.3)) return { count: random.integer(6, 8), answersMax: 30 };
  return { count: random.integer(2, 3), answersMax: 120 };
}

async function isRefused(lives: Lives): Promise<Outcome> {
  for (let start = 1; start <= 2; start++) {
    const last = (await lives.report(null)).at(-1);
    agree(last?.type === 'refused', () => 'it starts, although nobody knows what it has promised');
    agree(last.code === 'replicaLost', () => `it is refused for another reason, ${last.code}: ${last.reason}`);
  }
  return 'refused';
}

async function goesOn(context: CaseContext, damaged: Damaged | null): Promise<Outcome> {
  const { lives } = context;
  const starts: (readonly LifeLine[])[] = [];
  if (lives.random.chance(0.3)) starts.push(await lives.cutShort(damaged));
  const byHand = await startUntilItRuns(context, damaged, starts);
  const found = starts.flat().filter((line) => line.type === 'found');
  const last = found.at(-1);
  if (last !== undefined && last.claim !== null) {
    await staysRecovering(lives, last, damaged);
    return byHand ? 'by hand' : 'RECOVERING';
  }
  const report = await lives.report(damaged?.part === 'log' ? null : damaged);
  agree(report.at(-1)?.type === 'closed', () => `it did not close: ${lastWords(report)}`);
  if (byHand) return 'by hand';
  if (found.some((each) => hasNoted(each, 'set aside'))) return 'rebuilt';
  return found.some((each) => hasNoted(each, 'log was damaged')) ? 'repaired' : 'harmless';
}

/** Adds what the starts said; true if that took a person. */
async function startUntilItRuns(
  { lives, directory, note }: CaseContext,
  damaged: Damaged | null,
  starts: (readonly LifeLine[])[],
): Promise<boolean> {
  for (let failures = 0, byHand = false; ; failures++) {
    const lines = await lives.work('killedWorking', afterwardsMax, damaged);
    starts.push(lines);
    if (!hasStopped(lines, damaged)) return byHand;
    note(lastWords(lines));
    if (failures < failuresMax) continue;
    const mayMoveAway = !byHand && damaged !== null && lines.at(-1)?.type === 'aborted';
    agree(mayMoveAway, () => `it cannot be started any more: ${lastWords(lines)}`);
    await rename(path.join(directory, damaged.part), path.join(directory, `${damaged.part}.aside`));
    byHand = true;
  }
}

/** Throws Mismatch for what it must not stop with. */
function hasStopped(lines: readonly LifeLine[], damaged: Damaged | null): boolean {
  const last = lines.at(-1);
  switch (last?.type) {
    case 'refused':
      throw new Mismatch(`it does not start: ${lastWords(lines)}`);
    case 'failed':
      agree(damaged?.part === 'state' && last.code.startsWith('state'), () => `it stops: ${lastWords(lines)}`);
      return true;
    case 'aborted':
      agree(damaged !== null, () => 'LevelDB gives up on files that nobody damaged');
      return true;
    default:
      return false;
  }
}

/** Until somebody sends what it has lost, no start changes what it holds and claims. */
async function staysRecovering(lives: Lives, { claim, entries }: Found, damaged: Damaged | null): Promise<void> {
  if (lives.random.chance(0.5)) await lives.cutShort(damaged);
  const again = (await lives.report(damaged)).find(({ type }) => type === 'found');
  agree(
    again?.type === 'found' && isDeepStrictEqual([again.claim, again.entries], [claim, entries]),
    () => `RECOVERING, it claimed ${JSON.stringify(claim)}, and claims something else after the next start`,
  );
}

function hasNoted({ notes }: Found, words: string): boolean {
  return notes.some(({ message }) => message.includes(words));
}
