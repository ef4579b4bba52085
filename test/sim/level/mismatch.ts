/** The real disk and the oracle disagree. */
export class Mismatch extends Error {
  override readonly name = 'Mismatch';
}

export function agree(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new Mismatch(message());
}
