/** By their bytes in UTF-8, as rows sort. */
export function compareTexts(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let position = 0; position < length; position += 1) {
    const left = a.charCodeAt(position);
    const right = b.charCodeAt(position);
    // Surrogates stand for characters above all others, but not above U+E000 to U+FFFF.
    if (left !== right) return weight(left) - weight(right);
  }
  return a.length - b.length;
}

function weight(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
