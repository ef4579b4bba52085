/** What stands for anything. */
export const anything = '…';

/** Whether something can be put in place of each `…` in what is expected. */
export function isLike(expected: string, printed: string): boolean {
  const [first = '', ...others] = expected.split(anything);
  const last = others.pop();
  if (last === undefined) return expected === printed;
  if (!printed.startsWith(first)) return false;
  let from = first.length;
  for (const piece of others) {
    const found = printed.indexOf(piece, from);
    if (found === -1) return false;
    from = found + piece.length;
  }
  return printed.length - last.length >= from && printed.endsWith(last);
}
