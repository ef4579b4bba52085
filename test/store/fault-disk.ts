/** The real disk, with faults. */
import type { Disk, FixedFile, KeyValueStore } from '../../src/store/disk.ts';
import { levelDisk } from '../../src/store/disk-level.ts';

export type WriteKind = 'batch' | 'fixedFile' | 'writeFile' | 'rename' | 'remove' | 'create';

/** Every write asks `before` first; if that rejects, the write is not done. Reads go through. */
export function faultDisk(before: (kind: WriteKind) => Promise<void>): Disk {
  const guarded =
    <Parameters extends unknown[], Result>(kind: WriteKind, write: (...parameters: Parameters) => Promise<Result>) =>
    async (...parameters: Parameters): Promise<Result> => {
      await before(kind);
      return write(...parameters);
    };
  return {
    ...levelDisk,
    async openKeyValueStore(path, options): Promise<KeyValueStore> {
      if (options.createIfMissing) await before('create');
      const store = await levelDisk.openKeyValueStore(path, options);
      return {
        get: (key) => store.get(key),
        iterate: (range) => store.iterate(range),
        batch: guarded('batch', (operations, batchOptions) => store.batch(operations, batchOptions)),
        snapshot: () => store.snapshot(),
        close: () => store.close(),
      };
    },
    async openFixedFile(path, sizeBytes, options): Promise<FixedFile> {
      if (options.create) await before('create');
      const file = await levelDisk.openFixedFile(path, sizeBytes, options);
      return { ...file, write: guarded('fixedFile', (offset, bytes) => file.write(offset, bytes)) };
    },
    writeFile: guarded('writeFile', levelDisk.writeFile),
    rename: guarded('rename', levelDisk.rename),
    remove: guarded('remove', levelDisk.remove),
  };
}

export interface Fault {
  readonly disk: Disk;
  /** Whether the write in question was reached. */
  readonly reached: boolean;
}

/** Fails the write with this number, from 0; with `forGood` every one after it too, as after a crash. */
export function failingDisk(failing: number, { forGood }: { readonly forGood: boolean }): Fault {
  let writes = 0;
  let reached = false;
  const disk = faultDisk(async () => {
    const number = writes++;
    if (number !== failing && !(forGood && number > failing)) return;
    reached = true;
    throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
  });
  return {
    disk,
    get reached() {
      return reached;
    },
  };
}
