/** Quorum arithmetic against its definition, for every case of small clusters. */
import test from 'ava';
import { committedIndex, quorumReached, unanimousResult, voteResult } from '../../src/raft/quorum.ts';
import { index, type ReplicaId } from '../../src/raft/types.ts';

const ids: readonly ReplicaId[] = ['r1', 'r2', 'r3', 'r4'];

/** Every way of giving each id one of the values. */
function* assignments<T>(keys: readonly ReplicaId[], values: readonly T[]): Generator<ReadonlyMap<ReplicaId, T>> {
  const [first, ...rest] = keys;
  if (first === undefined) {
    yield new Map();
    return;
  }
  for (const others of assignments(rest, values)) {
    for (const value of values) yield new Map([[first, value], ...others]);
  }
}

const subsets = [...assignments(ids, [true, false])].map((chosen) => ids.filter((id) => chosen.get(id)));

function isMajority(part: readonly ReplicaId[], whole: readonly ReplicaId[]): boolean {
  return 2 * part.length > whole.length;
}

/** Does `holds` hold for a majority of each set that has members? */
function isAgreed(sets: readonly (readonly ReplicaId[])[], holds: (id: ReplicaId) => boolean): boolean {
  return sets.every((set) => set.length === 0 || isMajority(set.filter(holds), set));
}

test('the committed index is the highest that a majority of each voter set stores', (t) => {
  const values = [0, 1, 2].map(index);
  let cases = 0;

  for (const voters of subsets) {
    for (const votersOutgoing of subsets) {
      if (voters.length === 0 && votersOutgoing.length === 0) continue;
      for (const matches of assignments(ids, values)) {
        const matchIndex = (id: ReplicaId) => matches.get(id) ?? index(0);
        const expected = values.filter((value) => isAgreed([voters, votersOutgoing], (id) => matchIndex(id) >= value));
        if (committedIndex({ voters, votersOutgoing }, matchIndex) !== expected.at(-1)) {
          t.deepEqual(
            committedIndex({ voters, votersOutgoing }, matchIndex),
            expected.at(-1),
            JSON.stringify([...matches]),
          );
        }
        cases++;
      }
    }
  }

  t.is(cases, 255 * 81);
});

test('a vote is won when a majority of each set has granted it, and lost when none can any more', (t) => {
  let cases = 0;

  for (const voters of subsets) {
    for (const votersOutgoing of subsets) {
      const sets = [voters, votersOutgoing];
      for (const cast of assignments(ids, [true, false, undefined])) {
        const votes = new Map([...cast].flatMap(([id, vote]) => (vote === undefined ? [] : [[id, vote] as const])));
        const expected = isAgreed(sets, (id) => cast.get(id) === true)
          ? 'won'
          : isAgreed(sets, (id) => cast.get(id) !== false)
            ? 'pending'
            : 'lost';
        if (voteResult({ voters, votersOutgoing }, votes) !== expected) {
          t.is(voteResult({ voters, votersOutgoing }, votes), expected, JSON.stringify({ sets, votes: [...votes] }));
        }
        cases++;
      }
    }
  }

  t.is(cases, 256 * 81);
});

test('a unanimous vote is won when every voter has granted it, and lost with the first refusal', (t) => {
  for (const voters of subsets) {
    for (const cast of assignments(ids, [true, false, undefined])) {
      const votes = new Map([...cast].flatMap(([id, vote]) => (vote === undefined ? [] : [[id, vote] as const])));
      const needed = voters.map((id) => cast.get(id));
      const expected = needed.includes(false) ? 'lost' : needed.includes(undefined) ? 'pending' : 'won';
      if (unanimousResult({ voters, votersOutgoing: [] }, votes) !== expected) {
        t.is(
          unanimousResult({ voters, votersOutgoing: [] }, votes),
          expected,
          JSON.stringify({ voters, votes: [...votes] }),
        );
      }
    }
  }
  t.is(unanimousResult({ voters: ['r1'], votersOutgoing: ['r2'] }, new Map([['r1', true]])), 'pending');
});

test('five voters: three decide', (t) => {
  const voters = ['a', 'b', 'c', 'd', 'e'];
  const reached = new Map(voters.map((id, position) => [id, 10 * position]));

  t.is(
    quorumReached({ voters, votersOutgoing: [] }, (id) => reached.get(id) as number),
    20,
  );
});
