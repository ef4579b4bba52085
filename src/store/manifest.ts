/**
 * Which tables a LevelDB lives on, by its own account: CURRENT names the manifest, whose records say which tables came
 * and went.
 *
 * A record is cut into fragments, none of which crosses a block of 32 KiB:
 *
 *   masked CRC-32C u32 over what follows the length · length u16 · type u8 · bytes
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32c, maskedCrc } from './crc32c.ts';
import { errorCode } from './errors.ts';
import { type LevelCursor, readLevelBytes } from './level-cursor.ts';
import { LevelFile } from './level-file.ts';

/**
 * Records are gone from the middle of the manifest, and LevelDB would go on behind them: a table that went and one that
 * took its place can then lie in one level together, which ends the process.
 */
export class DamagedManifestError extends Error {
  override readonly name = 'DamagedManifestError';
  readonly code = 'LEVEL_CORRUPTION';
}

export interface LiveTable {
  readonly number: number;
  readonly sizeBytes: number;
}

const blockBytes = 32 * 1024;
const fragmentHeadBytes = 7;
const fragmentTypes = { unused: 0, whole: 1, first: 2, middle: 3, last: 4 } as const;

/**
 * Without a database: none. Where the manifest ends, or is damaged, so does the list: LevelDB reads as far and no
 * further, and what is damage of the manifest is for it to say. Throws DamagedManifestError for the damage that it would
 * not notice, and what the system says where a file cannot be read.
 */
export async function liveTables(directory: string): Promise<readonly LiveTable[]> {
  const tables = new Map<number, LiveTable>();
  try {
    const current = /^(MANIFEST-\d+)\n$/.exec(await readFile(join(directory, 'CURRENT'), 'latin1'));
    if (current?.[1] === undefined) return [];
    for await (const record of manifestRecords(join(directory, current[1]))) {
      const edited = readLevelBytes(record, (cursor) => {
        while (cursor.left > 0) applyChange(tables, cursor);
        return true;
      });
      if (edited === null) break;
    }
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
  return [...tables.values()];
}

/** Holds no more than one block and one record. */
async function* manifestRecords(path: string): AsyncGenerator<Uint8Array, void> {
  await using file = await LevelFile.open(path);
  const block = Buffer.alloc(blockBytes);
  let begun: Uint8Array[] = [];
  let zerosAt: number | null = null;
  for (let offset = 0; ; offset += blockBytes) {
    const bytesRead = await file.read(block, offset);
    for (let at = 0; at + fragmentHeadBytes <= bytesRead; ) {
      const end = at + fragmentHeadBytes + block.readUInt16LE(at + 4);
      const type = block[at + 6];
      if (type === fragmentTypes.unused && end === at + fragmentHeadBytes) {
        // What a power cut leaves at the end of a file. LevelDB skips the rest of the block without a word.
        zerosAt ??= offset + at;
        break;
      }
      if (end > bytesRead || maskedCrc(crc32c(block.subarray(at + 6, end))) !== block.readUInt32LE(at)) return;
      if (zerosAt !== null) {
        throw new DamagedManifestError(
          `${path} is damaged at byte ${zerosAt}: zeros, but more records from byte ${offset + at} on`,
        );
      }
      if (type === fragmentTypes.whole || type === fragmentTypes.first) begun = [];
      begun.push(Buffer.from(block.subarray(at + fragmentHeadBytes, end)));
      if (type === fragmentTypes.whole || type === fragmentTypes.last) {
        yield Buffer.concat(begun);
        begun = [];
      }
      at = end;
    }
    if (bytesRead < blockBytes) return;
  }
}

/** One field of a record; see LevelDB's version_edit.cc. */
function applyChange(tables: Map<number, LiveTable>, cursor: LevelCursor): void {
  const tag = cursor.varint();
  switch (tag) {
    case 1: // comparator
      cursor.take(cursor.varint());
      break;
    case 2: // log number
    case 3: // next file number
    case 9: // previous log number
      cursor.varint();
      break;
    case 4: // last sequence
      cursor.varint();
      break;
    case 5: // compaction pointer: level, key
      cursor.varint();
      cursor.take(cursor.varint());
      break;
    case 6: // table gone: level, number. One that only moves to another level comes again behind it.
      cursor.varint();
      tables.delete(cursor.varint());
      break;
    case 7: {
      // new table: level, number, size, smallest key, largest key
      cursor.varint();
      const table = { number: cursor.varint(), sizeBytes: cursor.varint() };
      cursor.take(cursor.varint());
      cursor.take(cursor.varint());
      tables.set(table.number, table);
      break;
    }
    default:
      cursor.fail();
  }
}
