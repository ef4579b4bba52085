/**
 * How far state/ has come, and the proof that nothing before that is missing.
 *
 * Every batch writes two rows of its own: the applied row `term u64 · index u64 · digest u64 · chainHash (to the end)`,
 * and its link `from u64 · bytes u64` under its last index. LevelDB can lose a batch from the middle of its own log, or
 * a young table, without an error; with the batch goes its link, and the links no longer meet.
 */
import type { EntryId, Index, Term } from '../raft/types.ts';
import { DamagedRowError } from './damage.ts';
import type { Digest } from './digest.ts';
import type { KeyValueReader } from './disk.ts';
import { appliedKey, batchKey, batchRows } from './keys.ts';
import { openRow, type SealedRow, sealRow } from './row.ts';
import { readUint64, writeUint64 } from './uint64.ts';

/**
 * Links are kept for this much of the newest batches. What LevelDB holds in its logs and youngest tables is the rows
 * of two write buffers of 4 MiB; twice that, since it also counts what we do not.
 */
export const linkedBytesMin = 16 * 1024 * 1024;

export interface Applied {
  readonly last: EntryId;
  /** Of the log, at `last`. */
  readonly chainHash: Uint8Array;
  readonly digest: Digest;
}

const chainHashStart = 24;

export function sealApplied({ last, chainHash, digest }: Applied): SealedRow {
  return sealRow(appliedKey, chainHashStart + chainHash.length, (body) => {
    const offset = writeUint64(body, last.index, writeUint64(body, last.term, 0));
    body.set(chainHash, body.writeBigUInt64BE(digest, offset));
  });
}

/** Throws DamagedRowError. */
export function readApplied(reader: KeyValueReader): Applied {
  const row = reader.get(appliedKey);
  if (row === undefined) throw new DamagedRowError('the row that says how far it was applied is missing');
  const { body } = openRow(appliedKey, row);
  return {
    last: { term: readUint64(body, 0) as Term, index: readUint64(body, 8) as Index },
    digest: body.readBigUInt64BE(16),
    chainHash: body.subarray(chainHashStart),
  };
}

export class BatchChain {
  /** The bytes of each linked batch, under its last index, oldest first. */
  readonly #links = new Map<Index, number>();
  #bytes = 0;

  /** Throws DamagedRowError unless the links meet, from the oldest one that must be there to `applied`. */
  static async load(reader: KeyValueReader, applied: Index): Promise<BatchChain> {
    const chain = new BatchChain();
    let begin: number | null = null;
    let end = 0;
    for await (const [key, row] of reader.iterate(batchRows)) {
      const { body } = openRow(key, row);
      const from = readUint64(body, 0);
      begin ??= from;
      if (begin !== from && end !== from) {
        throw new DamagedRowError(`the writes of entries ${end + 1} to ${from} are missing`);
      }
      end = readUint64(Buffer.from(key), 1);
      chain.#add(end as Index, readUint64(body, 8));
    }
    if (begin !== null && begin > 0 && chain.#bytes < linkedBytesMin) {
      throw new DamagedRowError(`the writes up to entry ${begin} are missing`);
    }
    if (end !== applied) {
      throw new DamagedRowError(`its writes reach entry ${end}, but it says that ${applied} is applied`);
    }
    return chain;
  }

  /** Links a batch of so many bytes; answers its row, and the keys of the links that are no longer needed. */
  extend(from: Index, to: Index, bytes: number): { readonly link: SealedRow; readonly outdated: readonly Buffer[] } {
    const link = sealRow(batchKey(to), 16, (body) => {
      writeUint64(body, bytes, writeUint64(body, from, 0));
    });
    this.#add(to, bytes);
    return { link, outdated: this.#takeOutdated() };
  }

  #add(to: Index, bytes: number): void {
    this.#links.set(to, bytes);
    this.#bytes += bytes;
  }

  #takeOutdated(): Buffer[] {
    const outdated: Buffer[] = [];
    for (const [to, bytes] of this.#links) {
      if (this.#bytes - bytes < linkedBytesMin) break;
      this.#links.delete(to);
      this.#bytes -= bytes;
      outdated.push(batchKey(to));
    }
    return outdated;
  }
}
