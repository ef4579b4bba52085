/**
 * Checks the tables of a LevelDB before LevelDB sees them. It does not verify their checksums when it reads: a turned bit
 * in a block can end the process, one in a filter hides a key that is there.
 *
 *   table:  data blocks · filter block · metaindex block · index block · footer, without a gap
 *   block:  contents · compression u8 (0 none, 1 Snappy) · masked CRC-32C u32 over both
 *   footer: handles of metaindex and index (varints of offset and size), zeros up to 40 bytes · magic u64
 */
import { join } from 'node:path';
import { crc32c, maskedCrc } from './crc32c.ts';
import { errorCode } from './errors.ts';
import { type LevelCursor, readLevelBytes } from './level-cursor.ts';
import { LevelFile } from './level-file.ts';
import { type LiveTable, liveTables } from './manifest.ts';
import { unsnappy } from './snappy.ts';

/** The file is not what LevelDB wrote: LevelDB must not open it. */
export class DamagedTableError extends Error {
  override readonly name = 'DamagedTableError';
  readonly code = 'LEVEL_CORRUPTION';
}

/** Where the contents of a block stand. */
interface Handle {
  readonly offset: number;
  readonly sizeBytes: number;
}

const footerBytes = 48;
const handlesBytes = 40;
const magic = Buffer.from('57fb808b247547db', 'hex');
const trailerBytes = 5;
const snappyType = 1;
const readBytes = 256 * 1024;

/** Index blocks have some 30 bytes for each block of 4 KiB: this is far more than LevelDB's largest tables need. */
const indexBytesMax = 16 * 1024 * 1024;

/**
 * Only the tables that the manifest names: a crash may leave others, half-written, and LevelDB deletes those. A table that
 * is missing is for LevelDB to find. Throws DamagedTableError, and what the system says where a file cannot be read.
 */
export async function checkTables(directory: string): Promise<void> {
  for (const table of await liveTables(directory)) {
    const path = join(directory, `${table.number}`.padStart(6, '0'));
    await using file = (await openIfThere(`${path}.ldb`)) ?? (await openIfThere(`${path}.sst`));
    if (file !== null) await new TableCheck(file, table).run();
  }
}

async function openIfThere(path: string): Promise<LevelFile | null> {
  try {
    return await LevelFile.open(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

class TableCheck {
  readonly #file: LevelFile;
  readonly #sizeBytes: number;
  /** What was read last, and where it stands. */
  readonly #chunk: Buffer;
  #chunkAt = 0;
  #chunkEnd = 0;

  constructor(file: LevelFile, { sizeBytes }: LiveTable) {
    this.#file = file;
    this.#sizeBytes = sizeBytes;
    this.#chunk = Buffer.alloc(Math.min(readBytes, sizeBytes));
  }

  async run(): Promise<void> {
    const size = await this.#file.sizeBytes();
    if (size < this.#sizeBytes) throw this.#cut(size);
    const footerAt = this.#sizeBytes - footerBytes;
    if (footerAt < 0) throw this.#damage(0, `too short for a table: ${this.#sizeBytes} bytes`);
    const footer = readFooter(await this.#view(footerAt, footerBytes));
    if (footer === null) throw this.#damage(footerAt, 'the footer is wrong');
    const { metaindex, index } = footer;
    const named = [...(await this.#handlesIn(index, 'index')), ...(await this.#handlesIn(metaindex, 'metaindex'))];
    let end = 0;
    for (const block of [...named, metaindex, index]) {
      if (block.offset !== end) throw this.#damage(end, `the next block is said to begin at ${block.offset}`);
      end += block.sizeBytes + trailerBytes;
    }
    if (end !== footerAt) throw this.#damage(end, `the blocks do not end where the footer begins, at ${footerAt}`);
    for (const block of named) await this.#checkSum(block);
  }

  /** The blocks that an index names, whose own checksum is verified. */
  async #handlesIn(block: Handle, name: string): Promise<readonly Handle[]> {
    const { offset, sizeBytes } = block;
    if (sizeBytes > indexBytesMax) throw this.#damage(offset, `the ${name} is said to have ${sizeBytes} bytes`);
    await this.#checkSum(block);
    const bytes = Buffer.alloc(sizeBytes + 1);
    await this.#readInto(bytes, offset);
    const contents = bytes.subarray(0, sizeBytes);
    const plain = bytes[sizeBytes] === snappyType ? unsnappy(contents, indexBytesMax) : contents;
    const handles = plain === null ? null : readHandles(plain);
    if (handles === null) throw this.#damage(offset, `the ${name} cannot be read`);
    return handles;
  }

  async #checkSum({ offset, sizeBytes }: Handle): Promise<void> {
    const sumAt = offset + sizeBytes + 1;
    let crc = 0;
    for (let at = offset; at < sumAt; at += readBytes) {
      crc = crc32c(await this.#view(at, Math.min(readBytes, sumAt - at)), crc);
    }
    const sum = await this.#view(sumAt, 4);
    if (sum.readUInt32LE() !== maskedCrc(crc)) throw this.#damage(offset, `wrong checksum over ${sizeBytes} bytes`);
  }

  /** Good until the next call; at most `readBytes` long. */
  async #view(offset: number, length: number): Promise<Buffer> {
    if (offset < this.#chunkAt || offset + length > this.#chunkEnd) {
      if (offset + length > this.#sizeBytes) throw this.#damage(offset, 'a block is said to reach beyond the end');
      const chunk = this.#chunk.subarray(0, Math.min(this.#chunk.length, this.#sizeBytes - offset));
      await this.#readInto(chunk, offset);
      this.#chunkAt = offset;
      this.#chunkEnd = offset + chunk.length;
    }
    return this.#chunk.subarray(offset - this.#chunkAt, offset - this.#chunkAt + length);
  }

  async #readInto(bytes: Buffer, offset: number): Promise<void> {
    const bytesRead = await this.#file.read(bytes, offset);
    if (bytesRead < bytes.length) throw this.#cut(offset + bytesRead);
  }

  #cut(end: number): DamagedTableError {
    return this.#damage(end, `the file ends, but should have ${this.#sizeBytes} bytes`);
  }

  #damage(offset: number, what: string): DamagedTableError {
    return new DamagedTableError(`${this.#file.path} is damaged at byte ${offset}: ${what}`);
  }
}

function readFooter(footer: Buffer): { readonly metaindex: Handle; readonly index: Handle } | null {
  if (!footer.subarray(handlesBytes).equals(magic)) return null;
  return readLevelBytes(footer.subarray(0, handlesBytes), (cursor) => {
    const handles = { metaindex: readHandle(cursor), index: readHandle(cursor) };
    return cursor.take(cursor.left).every((byte) => byte === 0) ? handles : null;
  });
}

/**
 * The values of a block: rows of shared and own length of the key, length of the value (varints), key, value; then where
 * rows with whole keys begin (u32 each), and how many of these there are.
 */
function readHandles(block: Uint8Array): readonly Handle[] | null {
  const counted = readLevelBytes(block.subarray(-4), (cursor) => cursor.uint(4));
  if (counted === null || 4 * (counted + 1) > block.length) return null;
  return readLevelBytes(block.subarray(0, block.length - 4 * (counted + 1)), (cursor) => {
    const handles: Handle[] = [];
    while (cursor.left > 0) {
      cursor.varint();
      const keyBytes = cursor.varint();
      const valueBytes = cursor.varint();
      cursor.take(keyBytes);
      const handle = readLevelBytes(cursor.take(valueBytes), readHandle);
      handles.push(handle ?? cursor.fail());
    }
    return handles;
  });
}

function readHandle(cursor: LevelCursor): Handle {
  return { offset: cursor.varint(), sizeBytes: cursor.varint() };
}
