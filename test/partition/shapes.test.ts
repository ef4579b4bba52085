import test from 'ava';
import { streamOf } from '../sim/random.ts';
import { type Cut, cutOf, type Members, type Shape, shapes } from './shapes.ts';

const five: Members = { replicas: ['r1', 'r2', 'r3', 'r4', 'r5'], gateways: ['g1', 'g2'], leader: 'r2' };
const three: Members = { replicas: ['r1', 'r2', 'r3'], gateways: ['g1'], leader: 'r3' };

/** Of many seeds. */
function cutsOf(shape: Shape, members: Members): readonly Cut[] {
  return Array.from({ length: 200 }, (_, seed) => cutOf(shape, members, streamOf(seed, shape)));
}

/** Of the replicas, itself included. */
function heardBy({ links }: Cut, { replicas }: Members, to: string): readonly string[] {
  return replicas.filter((from) => !links.some((link) => link.from === from && link.to === to));
}

/** Of the replicas: who hears each other, directly. */
function groups(cut: Cut, members: Members): readonly string[] {
  return [...new Set(members.replicas.map((replica) => heardBy(cut, members, replica).join(' ')))];
}

function isSymmetric({ links }: Cut): boolean {
  return links.every(({ from, to }) => links.some((back) => back.from === to && back.to === from));
}

for (const members of [five, three]) {
  const { replicas, gateways, leader } = members;
  const of = `of ${replicas.length}`;

  test(`every shape ${of} cuts links between members alone, and leaves nobody deaf to itself`, (t) => {
    for (const cut of shapes.flatMap((shape) => cutsOf(shape, members))) {
      t.true(cut.links.length > 0, cut.description);
      for (const { from, to } of cut.links) {
        t.not(from, to, cut.description);
        t.true(
          [from, to].every((member) => [...replicas, ...gateways].includes(member)),
          `${from} ${to}`,
        );
      }
    }
  });

  test(`halves ${of}: a minority and a majority that do not hear each other; the leader is in either`, (t) => {
    const leaderSides = new Set<number>();
    for (const cut of cutsOf('halves', members)) {
      const sizes = groups(cut, members).map((group) => group.split(' ').length);
      t.deepEqual(
        sizes.toSorted((a, b) => a - b),
        replicas.length === 5 ? [2, 3] : [1, 2],
        cut.description,
      );
      t.true(isSymmetric(cut));
      leaderSides.add(heardBy(cut, members, leader).length);
    }
    t.is(leaderSides.size, 2);
  });

  test(`isolate-leader ${of}: the leader hears no replica, the others all but the leader`, (t) => {
    for (const cut of cutsOf('isolate-leader', members)) {
      t.deepEqual(heardBy(cut, members, leader), [leader]);
      for (const other of replicas.filter((replica) => replica !== leader)) {
        t.deepEqual(
          heardBy(cut, members, other),
          replicas.filter((replica) => replica !== leader),
          cut.description,
        );
      }
      t.true(isSymmetric(cut));
    }
  });

  test(`isolate-one ${of}: any follower, and never the leader`, (t) => {
    const alone = cutsOf('isolate-one', members).map((cut) =>
      replicas.filter((replica) => heardBy(cut, members, replica).length === 1).join(' '),
    );
    t.deepEqual(
      [...new Set(alone)].sort(),
      replicas.filter((replica) => replica !== leader),
    );
  });

  test(`one-way ${of}: one direction between one replica and others is lost, the other is whole`, (t) => {
    const victims = new Set<string>();
    for (const cut of cutsOf('one-way', members)) {
      const [from, to] = [new Set(cut.links.map((link) => link.from)), new Set(cut.links.map((link) => link.to))];
      t.true(from.size === 1 || to.size === 1, cut.description);
      for (const link of cut.links) {
        t.false(
          cut.links.some((back) => back.from === link.to && back.to === link.from),
          cut.description,
        );
      }
      victims.add(`${from.size === 1 ? 'mute' : 'deaf'}`);
    }
    t.is(victims.size, 2);
  });

  test(`bridge ${of}: one replica hears all, and nobody else does`, (t) => {
    for (const cut of cutsOf('bridge', members)) {
      const heard = replicas.map((replica) => heardBy(cut, members, replica).length);
      t.deepEqual(
        heard.toSorted((a, b) => a - b),
        replicas.length === 5 ? [3, 3, 3, 3, 5] : [2, 2, 3],
        cut.description,
      );
      t.true(isSymmetric(cut));
    }
  });

  test(`majorities-ring ${of}: each hears a bare majority, and no two the same`, (t) => {
    const majority = Math.floor(replicas.length / 2) + 1;
    for (const cut of cutsOf('majorities-ring', members)) {
      const heard = replicas.map((replica) => heardBy(cut, members, replica));
      t.true(
        heard.every((each) => each.length === majority),
        cut.description,
      );
      t.is(new Set(heard.map((each) => each.join(' '))).size, replicas.length, cut.description);
    }
  });
}

test('a ring of five is one of links that work both ways', (t) => {
  for (const cut of cutsOf('majorities-ring', five)) t.true(isSymmetric(cut));
});

test('a gateway is cut off from either side of a partition, or from none, and the client from no gateway', (t) => {
  const sides = cutsOf('halves', five).map(
    (cut) =>
      five.replicas.filter((replica) => !cut.links.some(({ from, to }) => from === 'g1' && to === replica)).length,
  );
  t.deepEqual([...new Set(sides)].sort(), [2, 3, 5]);
});
