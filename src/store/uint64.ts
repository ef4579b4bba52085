/** Safe integers as big-endian unsigned 64-bit: their bytes sort as the numbers do. */

const highUnit = 2 ** 32;

/** Returns the offset behind what was written. */
export function writeUint64(buffer: Buffer, value: number, offset: number): number {
  buffer.writeUInt32BE(Math.floor(value / highUnit), offset);
  return buffer.writeUInt32BE(value >>> 0, offset + 4);
}

/** Above Number.MAX_SAFE_INTEGER the answer is rounded: whoever does not trust the bytes checks it. */
export function readUint64(buffer: Buffer, offset: number): number {
  return buffer.readUInt32BE(offset) * highUnit + buffer.readUInt32BE(offset + 4);
}
