/** A part of the planted bugs, for runs that have not the time for all. */

/** Each `of`th, beginning with the `nth`, which is counted from 1. */
export interface Share {
  readonly nth: number;
  readonly of: number;
}

/** Throws for anything but `2/4` and the like. */
export function shareOf(text: string): Share {
  const [, nth = 0, of = 0] = (/^([1-9]\d{0,2})\/([1-9]\d{0,2})$/.exec(text) ?? []).map(Number);
  if (nth < 1 || nth > of)
    throw new Error(`--share takes two whole numbers such as 2/4, the second of four, got ${text}`);
  return { nth, of };
}

/** All shares of the same size together hold each item once, and no two of them differ by more than one in length. */
export function inShare<Item>(items: readonly Item[], { nth, of }: Share): readonly Item[] {
  return items.filter((_, position) => position % of === nth - 1);
}

/** One that another commit is likely to change, and that the same one repeats; the first where none is known. */
export function shareFor(commit: string | null, of: number): Share {
  const hash = commit === null ? Number.NaN : Number.parseInt(commit.slice(0, 8), 16);
  return { nth: Number.isNaN(hash) ? 1 : (hash % of) + 1, of };
}
