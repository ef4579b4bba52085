/** Reads Snappy's raw format, in which LevelDB compresses blocks. */
import { type LevelCursor, readLevelBytes } from './level-cursor.ts';

/** Total: null for garbage, and for what says it is longer than `sizeMax` bytes; no more than these are allocated. */
export function unsnappy(bytes: Uint8Array, sizeMax: number): Uint8Array | null {
  return readLevelBytes(bytes, (cursor) => {
    const size = cursor.varint();
    if (size > sizeMax) return null;
    const output = new Uint8Array(size);
    let written = 0;
    while (cursor.left > 0) {
      const { literal, length, distance } = readElement(cursor);
      if (length > size - written || distance > written) return null;
      if (literal !== null) output.set(literal, written);
      // A copy may reach into itself: its beginning repeats.
      else for (let at = written; at < written + length; at++) output[at] = output[at - distance] as number;
      written += length;
    }
    return written === size ? output : null;
  });
}

/** Bytes as they are, or a copy of `length` bytes from `distance` before. */
function readElement(cursor: LevelCursor): {
  readonly literal: Uint8Array | null;
  readonly length: number;
  readonly distance: number;
} {
  const tag = cursor.uint(1);
  const upper = tag >>> 2;
  const kind = tag & 3;
  if (kind === 0) {
    const length = (upper < 60 ? upper : cursor.uint(upper - 59)) + 1;
    return { literal: cursor.take(length), length, distance: 0 };
  }
  const copy =
    kind === 1
      ? { length: (upper & 7) + 4, distance: (tag >>> 5) * 256 + cursor.uint(1) }
      : { length: upper + 1, distance: cursor.uint(kind === 2 ? 2 : 4) };
  return copy.distance === 0 ? cursor.fail() : { literal: null, ...copy };
}
