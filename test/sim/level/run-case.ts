/** Runs the case of a seed, and leaves its directories where they are if something is wrong. */
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { streamOf } from '../random.ts';
import { type Extent, type Outcome, runDamageCase } from './case.ts';
import { type Damage, damages } from './damage.ts';
import { fullDiskName, runFullDiskCase, smallMiB } from './full-disk.ts';
import { Lives } from './lives.ts';
import { openSmallDisk } from './small-disk.ts';

export type CaseKind = { readonly type: 'damage'; readonly damage: Damage } | { readonly type: 'fullDisk' };

export const caseKinds: readonly CaseKind[] = [
  ...damages.map((damage) => ({ type: 'damage', damage }) as const),
  { type: 'fullDisk' },
];

export function nameOf(kind: CaseKind): string {
  return kind.type === 'damage' ? kind.damage.name : fullDiskName;
}

export interface CaseResult {
  readonly seed: number;
  readonly kind: string;
  /** Null: a mismatch. */
  readonly outcome: Outcome | null;
  readonly mismatch: string | null;
  /** What was done and seen, for a person. */
  readonly notes: readonly string[];
  /** Where all its directories are, if there is a mismatch. */
  readonly place: string;
  readonly seconds: number;
}

/** Some cases stay within LevelDB's write buffer of 4 MiB, others leave it behind within one life. */
const valueBytesMax = [2000, 60_000, 250_000] as const;
const fullDiskValueBytesMax = 60_000;

/** `scratch` is a directory of the caller's, for any number of cases. */
export async function runCase(kind: CaseKind, seed: number, extent: Extent, scratch: string): Promise<CaseResult> {
  const startedAt = performance.now();
  const place = path.join(scratch, `${seed}`);
  const directory = path.join(place, 'data');
  const notes: string[] = [];
  const result = { seed, kind: nameOf(kind), notes, place };
  await mkdir(place);
  try {
    const outcome = await outcomeOf(kind, seed, {
      place,
      directory,
      scratch,
      extent,
      note: (line) => void notes.push(line),
    });
    await rm(place, { recursive: true });
    return { ...result, outcome, mismatch: null, seconds: secondsSince(startedAt) };
  } catch (error) {
    const mismatch = error instanceof Error ? error.message : String(error);
    return { ...result, outcome: null, mismatch, seconds: secondsSince(startedAt) };
  }
}

interface CaseOptions {
  readonly extent: Extent;
  readonly place: string;
  readonly directory: string;
  readonly scratch: string;
  readonly note: (line: string) => void;
}

async function outcomeOf(
  kind: CaseKind,
  seed: number,
  { place, directory, scratch, extent, note }: CaseOptions,
): Promise<Outcome> {
  const common = { directory, seed, compileCache: path.join(scratch, 'compiled') };
  if (kind.type === 'damage') {
    const lives = new Lives({ ...common, valueBytesMax: streamOf(seed, 'values').pick(valueBytesMax) });
    return runDamageCase(kind.damage, { lives, directory, extent, note });
  }
  await using disk = await openSmallDisk(place, smallMiB);
  const lives = new Lives({ ...common, valueBytesMax: fullDiskValueBytesMax, prefix: disk.prefix });
  return await runFullDiskCase(lives, disk, note);
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000;
}
