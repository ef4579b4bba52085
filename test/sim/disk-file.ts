/** A file of fixed size: what is on the disk, and as one life of a process has it open. */
import { invariant } from '../../src/raft/assert.ts';
import type { FixedFile } from '../../src/store/disk.ts';
import type { DiskChance } from './disk-chance.ts';
import { diskError } from './disk-errors.ts';
import { DiskHandle } from './disk-handle.ts';
import type { DiskQueue } from './disk-queue.ts';
import type { Life } from './life.ts';

export const pageBytes = 4096;
export const sectorBytes = 512;

/** Only pages that were written take memory; the others are zeros. */
export class SparseFile {
  sizeBytes: number;
  readonly #pages: Map<number, Buffer>;

  constructor(sizeBytes: number, pages: ReadonlyMap<number, Buffer> = new Map()) {
    this.sizeBytes = sizeBytes;
    this.#pages = new Map(pages);
  }

  write(offset: number, bytes: Uint8Array): void {
    invariant(offset + bytes.length <= this.sizeBytes, 'a fixed file does not grow');
    for (let done = 0; done < bytes.length; ) {
      const at = (offset + done) % pageBytes;
      const count = Math.min(pageBytes - at, bytes.length - done);
      this.#page((offset + done - at) / pageBytes).set(bytes.subarray(done, done + count), at);
      done += count;
    }
  }

  read(offset: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (const [number, page] of this.#pages) {
      const at = number * pageBytes - offset;
      if (at >= length || at + pageBytes <= 0) continue;
      bytes.set(page.subarray(Math.max(0, -at), Math.min(pageBytes, length - at)), Math.max(0, at));
    }
    return bytes;
  }

  /** A write that was cut short. */
  tear(offset: number, bytes: Uint8Array, chance: DiskChance): void {
    const outcome = chance.outcome('fixed file write cut short', ['lost', 'whole', 'torn', 'zeros', 'garbage']);
    if (outcome === 'lost') return;
    if (outcome === 'torn') {
      const sectors = chance.integer(0, Math.ceil(bytes.length / sectorBytes) - 1);
      this.write(offset, bytes.subarray(0, sectors * sectorBytes));
      return;
    }
    this.write(offset, bytes);
    if (outcome === 'whole') return;
    const at = chance.integer(0, Math.ceil(bytes.length / pageBytes) - 1) * pageBytes;
    const length = Math.min(pageBytes, bytes.length - at);
    this.write(offset + at, Buffer.alloc(length, outcome === 'zeros' ? 0 : chance.integer(1, 255)));
  }

  copy(): SparseFile {
    return new SparseFile(
      this.sizeBytes,
      new Map(this.#pages.entries().map(([number, page]) => [number, Buffer.from(page)])),
    );
  }

  #page(number: number): Buffer {
    let page = this.#pages.get(number);
    if (page === undefined) {
      page = Buffer.alloc(pageBytes);
      this.#pages.set(number, page);
    }
    return page;
  }
}

export function openSparseFile(queue: DiskQueue, chance: DiskChance, life: Life, file: SparseFile): FixedFile {
  const handle = new DiskHandle(
    () => diskError('EBADF', 'file closed'),
    () => queue.read(life, () => {}),
  );
  return {
    // The bytes are taken when they are written: whoever changes them earlier writes something else.
    write: (offset, bytes) =>
      handle.use(() =>
        queue.write(life, {
          needsRoom: false,
          complete: () => file.write(offset, bytes),
          interrupt: () => file.tear(offset, bytes, chance),
        }),
      ),
    read: (offset, length) => handle.use(() => queue.read(life, () => file.read(offset, length))),
    close: () => handle.close(),
  };
}
