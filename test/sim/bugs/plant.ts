/**
 * Puts a bug into the product as it is loaded; call it before anything of the product is imported. Or, for any program:
 *
 *   BAZAR_PLANTED_BUG=vote-is-granted-twice node --import ./test/sim/bugs/plant.ts test/sim/main.ts --seed 1
 */
import { registerHooks } from 'node:module';
import { bugNamed } from './list.ts';
import { type Mutation, mutated } from './planted-bug.ts';

const root = new URL('../../../', import.meta.url);

export interface Planting {
  /** False until the file has been loaded: before that nothing is wrong with the program. */
  readonly done: boolean;
}

/** Importing the file throws unless it has the bug's place exactly once. */
export function plant(bug: Mutation): Planting {
  const url = new URL(bug.file, root).href;
  const planting = { done: false };
  registerHooks({
    load(loaded, context, next) {
      const module = next(loaded, context);
      if (loaded !== url) return module;
      const source = mutated(bug, textOf(module.source));
      planting.done = true;
      return { ...module, source };
    },
  });
  return planting;
}

function textOf(source: string | ArrayBuffer | NodeJS.TypedArray | undefined): string {
  if (typeof source === 'string') return source;
  return new TextDecoder().decode(source);
}

const { BAZAR_PLANTED_BUG: name } = process.env;
if (name !== undefined) {
  const planting = plant(bugNamed(name));
  process.on('exit', (code) => {
    if (planting.done || code !== 0) return;
    console.error(`the bug ${name} was not planted: nothing loaded its file`);
    process.exitCode = 1;
  });
}
