/** What happens to a data directory between two lives of a case, and what may come of it. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { slotBytes } from '../../../src/store/witness.ts';
import type { SeededRandom } from '../random.ts';
import { anyOffset, cutTo, filesLike, flipBit, pageBytes, replace, sizeOf, zero } from './files.ts';

export interface DamageContext {
  readonly directory: string;
  /** A copy of the directory as it was some lives ago. */
  readonly older: string;
  readonly random: SeededRandom;
}

export interface Damage {
  readonly name: string;
  /**
   * none: everything is there. log: it is all there, or the replica is RECOVERING. state: everything is there once the
   * state has been built anew. identity: the replica has to be replaced, and says so.
   */
  readonly part: 'none' | 'log' | 'state' | 'identity';
  /** What exactly it did. */
  inflict(context: DamageContext): Promise<string>;
}

const levelFile = { log: /^\d+\.log$/, table: /^\d+\.ldb$/, manifest: /^MANIFEST-\d+$/, current: /^CURRENT$/ } as const;
const manifestTailBytes = 10;
const flipsMax = 16;
const slots = [0, 1] as const;

/** A file of a LevelDB: the newest but for tables, of which any may be hit. */
interface FileDamage {
  readonly name: string;
  readonly file: keyof typeof levelFile;
  inflict(file: string, sizeBytes: number, random: SeededRandom): Promise<string>;
}

const fileDamages: readonly FileDamage[] = [
  { name: 'bit flipped in the log file', file: 'log', inflict: flipAnyBit },
  { name: 'log file cut', file: 'log', inflict: cutAnywhere },
  {
    name: 'page of the log file zeroed',
    file: 'log',
    async inflict(file, sizeBytes, random) {
      const offset = Math.floor(anyOffset(random, sizeBytes) / pageBytes) * pageBytes;
      await zero(file, offset, pageBytes);
      return `zeroed from ${offset}`;
    },
  },
  { name: 'log file deleted', file: 'log', inflict: remove },
  { name: 'bit flipped in a table', file: 'table', inflict: flipAnyBit },
  {
    name: 'bits flipped in a table',
    file: 'table',
    async inflict(file, sizeBytes, random) {
      const done: string[] = [];
      for (let flips = random.integer(2, flipsMax); flips > 0; flips--) {
        done.push(await flipAnyBit(file, sizeBytes, random));
      }
      return done.join(', ');
    },
  },
  { name: 'table cut', file: 'table', inflict: cutAnywhere },
  { name: 'table emptied', file: 'table', inflict: (file) => cut(file, 0) },
  { name: 'table deleted', file: 'table', inflict: remove },
  {
    name: 'manifest without its tail',
    file: 'manifest',
    inflict: (file, sizeBytes) => cut(file, sizeBytes - manifestTailBytes),
  },
  {
    name: 'manifest cut in half',
    file: 'manifest',
    inflict: (file, sizeBytes) => cut(file, Math.floor(sizeBytes / 2)),
  },
  { name: 'bit flipped in the manifest', file: 'manifest', inflict: flipAnyBit },
  { name: 'CURRENT deleted', file: 'current', inflict: remove },
];

export const damages: readonly Damage[] = [
  { name: 'none', part: 'none', inflict: async () => 'nothing' },
  ...(['log', 'state'] as const).flatMap((part) => fileDamages.map((damage) => levelDamage(part, damage))),
  {
    name: 'witness: bit flipped in a slot',
    part: 'log',
    inflict: ({ directory, random }) => rotSlots(directory, random, [random.pick(slots)]),
  },
  {
    name: 'witness: both slots rotten',
    part: 'identity',
    inflict: ({ directory, random }) => rotSlots(directory, random, slots),
  },
  {
    name: 'witness: deleted',
    part: 'identity',
    inflict: ({ directory }) => remove(path.join(directory, 'witness')),
  },
  {
    name: 'witness: cut',
    part: 'identity',
    inflict: ({ directory, random }) => cutAnywhere(path.join(directory, 'witness'), 2 * slotBytes, random),
  },
  { name: 'stale copy: log', part: 'log', inflict: (context) => restore(context, ['log']) },
  { name: 'stale copy: witness', part: 'log', inflict: (context) => restore(context, ['witness']) },
  { name: 'stale copy: state', part: 'state', inflict: (context) => restore(context, ['state']) },
  { name: 'stale copy: log and state', part: 'log', inflict: (context) => restore(context, ['log', 'state']) },
  { name: 'stale copy: log and witness', part: 'identity', inflict: (context) => restore(context, ['log', 'witness']) },
];

function levelDamage(part: 'log' | 'state', damage: FileDamage): Damage {
  return {
    name: `${part}: ${damage.name}`,
    part,
    async inflict({ directory, random }) {
      const files = await filesLike(path.join(directory, part), levelFile[damage.file]);
      const file = damage.file === 'table' && files.length > 0 ? random.pick(files) : files.at(-1);
      if (file === undefined) return `there is no ${damage.file}`;
      const sizeBytes = await sizeOf(file);
      // A log file that LevelDB has just begun.
      if (sizeBytes === 0) return `${path.basename(file)} was empty`;
      return `${path.basename(file)} of ${sizeBytes} bytes: ${await damage.inflict(file, sizeBytes, random)}`;
    },
  };
}

async function flipAnyBit(file: string, sizeBytes: number, random: SeededRandom): Promise<string> {
  const offset = anyOffset(random, sizeBytes);
  const bit = random.integer(0, 7);
  await flipBit(file, offset, bit);
  return `bit ${bit} of byte ${offset} flipped`;
}

function cutAnywhere(file: string, sizeBytes: number, random: SeededRandom): Promise<string> {
  return cut(file, anyOffset(random, sizeBytes));
}

async function cut(file: string, sizeBytes: number): Promise<string> {
  await cutTo(file, sizeBytes);
  return `cut to ${Math.max(0, sizeBytes)} bytes`;
}

async function remove(file: string): Promise<string> {
  await rm(file);
  return `${path.basename(file)} deleted`;
}

/** In the first bytes of a slot, which every batch fills. */
async function rotSlots(directory: string, random: SeededRandom, positions: readonly number[]): Promise<string> {
  const file = path.join(directory, 'witness');
  const offsets = positions.map((position) => position * slotBytes + random.integer(0, 64));
  for (const offset of offsets) await flipBit(file, offset, random.integer(0, 7));
  return `a bit flipped in bytes ${offsets.join(' and ')}`;
}

async function restore({ directory, older }: DamageContext, names: readonly string[]): Promise<string> {
  for (const name of names) await replace(path.join(older, name), path.join(directory, name));
  return `${names.join(' and ')} as some lives ago`;
}
