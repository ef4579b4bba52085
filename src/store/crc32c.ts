/** CRC-32C (Castagnoli), which LevelDB has in its files; node's own is of another polynomial. */

const polynomial = 0x82f63b78;

/** The table of a byte that `followed` further bytes come behind. */
function tableOf(followed: number): Int32Array {
  return Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8 * (followed + 1); bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    return crc;
  });
}

const table0 = tableOf(0);
const table1 = tableOf(1);
const table2 = tableOf(2);
const table3 = tableOf(3);
const table4 = tableOf(4);
const table5 = tableOf(5);
const table6 = tableOf(6);
const table7 = tableOf(7);

/** Unsigned. `previous` is that of the bytes before, as with node's `crc32`. */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const eights = bytes.length & ~7;
  let crc = ~previous;
  let at = 0;
  // Eight bytes a turn, each in a table of its own: the look-ups do not wait for one another.
  for (; at < eights; at += 8) {
    const low = crc ^ view.getInt32(at, true);
    const high = view.getInt32(at + 4, true);
    crc =
      (table7[low & 255] as number) ^
      (table6[(low >>> 8) & 255] as number) ^
      (table5[(low >>> 16) & 255] as number) ^
      (table4[low >>> 24] as number) ^
      (table3[high & 255] as number) ^
      (table2[(high >>> 8) & 255] as number) ^
      (table1[(high >>> 16) & 255] as number) ^
      (table0[high >>> 24] as number);
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ (table0[(crc ^ (bytes[at] as number)) & 255] as number);
  return ~crc >>> 0;
}

/** As LevelDB writes it: a CRC over bytes that hold their own CRC would be a poor one. */
export function maskedCrc(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
