/**
 * All take turns, so many times, and who goes first changes: what drifts on the machine drifts for all of them.
 * Gives the samples of each.
 */
export async function inTurns<Name extends string, Sample>(
  names: readonly Name[],
  rounds: number,
  measure: (name: Name, round: number) => Promise<Sample>,
): Promise<ReadonlyMap<Name, readonly Sample[]>> {
  const samples = new Map<Name, Sample[]>(names.map((name) => [name, []]));
  for (let round = 1; round <= rounds; round += 1) {
    for (const name of round % 2 === 1 ? names : names.toReversed()) {
      samples.get(name)?.push(await measure(name, round));
    }
  }
  return samples;
}
