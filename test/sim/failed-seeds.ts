/**
 * Seeds that failed once, on some commit, and why. As the plans have changed since, most do not meet the same any more;
 * they are run for ever all the same.
 */
export const failedSeeds: readonly { readonly seed: number; readonly found: string }[] = [
  { seed: 15, found: 'the simulation: an error of the disk while a directory was being made was not foreseen' },
  { seed: 31, found: 'a read that may be stale was said to be younger than it was, by what its machine had slept' },
  { seed: 33, found: 'the simulation: a request was repeated after its first copy had been refused' },
  { seed: 78, found: 'the oracle: a claim that is being given up was taken for one that is forgotten' },
  { seed: 127, found: 'the simulation: a slot of the witness was damaged in a crash that had cost the other' },
  { seed: 151, found: 'a wiped replica asked for reads under the ids of its former directory' },
  { seed: 296, found: 'a read of a key that had just been deleted was labelled with a revision at which it was there' },
  {
    seed: 31716,
    found: 'a repair that was cut short let the boot id fall: peers would not have heard the replica again',
  },
  {
    seed: 62144,
    found: 'a bit that turned in the key of a log entry was not seen at the start, and the entry not found later',
  },
  { seed: 30426, found: 'the simulation: a replica was taken away for good before the others had anything' },
  { seed: 10018, found: 'a bit that turned in the key of a row of the state made an existing key seem absent' },
  { seed: 20977, found: 'a start that failed told of its closing up and not of what had gone wrong' },
  {
    seed: 800111,
    found: 'a follow that came twice freed the leader of a lease, and took the stream from a newer one: a stale hit',
  },
  {
    seed: 196,
    found: 'a leader whose virtual machine had been paused granted a lease on a round from before that: a stale hit',
  },
  { seed: 401774, found: 'the simulation: no more than a quorum was healed before there was a first entry' },
  {
    seed: 404354,
    found: 'the oracle: what a leader asked that had just stepped down was not seen, and its answer counted',
  },
  { seed: 1_000_000_104, found: 'a row of the history that was damaged ended every start of its replica' },
  {
    seed: 1_000_000_223,
    found: 'the simulation: what writes of the catalog say of their session was not heard by the judge of keys',
  },
  {
    seed: 1_000_010_050,
    found: 'a restart before the first change took all that was applied for gone: a watch from the start was refused',
  },
];
