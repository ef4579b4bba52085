/** A bug that is put into one file of the product, to see whether the simulation finds it. */

export interface Mutation {
  /** What the product then does wrong. */
  readonly name: string;
  /** What a user would suffer. */
  readonly harm: string;
  /** From the repository's root. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

export interface PlantedBug extends Mutation {
  /** Seeds that may find it are above this one. */
  readonly seedsAbove: number;
  /** A seed whose run finds it; null: none is known. */
  readonly knownSeed: number | null;
}

/** The file's text with the bug in it. Throws unless the place is found exactly once. */
export function mutated({ name, file, find, replace }: Mutation, text: string): string {
  const places = text.split(find);
  if (places.length !== 2) {
    throw new Error(`the bug ${name} has ${places.length - 1} places in ${file}, and must have one: mend its text`);
  }
  return places.join(replace);
}
