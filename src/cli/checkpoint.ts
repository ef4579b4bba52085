/** How far an import or export has come: a small JSON file beside the data, removed when all is done. */
import { readFile, rm } from 'node:fs/promises';
import { Failure } from './failure.ts';
import { writeAtomically } from './files.ts';

export interface Checkpoint<State> {
  /** Null if there is none. Throws Failure if it cannot be read. */
  load(): Promise<State | null>;
  save(state: State): Promise<void>;
  remove(): Promise<void>;
}

export function openCheckpoint<State>(file: string): Checkpoint<State> {
  return {
    async load() {
      const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        throw new Failure(`cannot read the progress file ${file}: ${error.message}`);
      });
      try {
        return text === null ? null : (JSON.parse(text) as State);
      } catch {
        throw new Failure(`the progress file ${file} is damaged; remove it and start without --resume`);
      }
    },
    async save(state) {
      await writeAtomically(file, `${JSON.stringify(state)}\n`).catch((error: NodeJS.ErrnoException) => {
        throw new Failure(
          `cannot write the progress file ${file}: ${error.message}; name another with --progress-file`,
        );
      });
    },
    remove: () => rm(file, { force: true }),
  };
}
