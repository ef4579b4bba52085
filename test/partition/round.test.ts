import test from 'ava';
import { streamOf } from '../sim/random.ts';
import { Deck, describe, type Fault, faultKinds, leavesService, nameOf, planRound, targets } from './round.ts';
import { type Members, shapes } from './shapes.ts';

const members: Members = { replicas: ['r1', 'r2', 'r3', 'r4', 'r5'], gateways: ['g1', 'g2'], leader: 'r2' };

function rounds(seed: number, count: number): readonly (readonly Fault[])[] {
  const random = streamOf(seed, 'nemesis');
  const decks = { first: new Deck(faultKinds, shapes, random), company: new Deck(faultKinds, shapes, random) };
  return Array.from({ length: count }, () => planRound(decks, members, random));
}

const cards = shapes.length + 2 * targets.length;
const [first, second] = [0, 1].map((lap) => rounds(1, 2 * cards).slice(lap * cards, (lap + 1) * cards));

test('every fault comes first in a round once before any comes again', (t) => {
  for (const lap of [first, second]) {
    const names = new Set(lap?.map(([fault]) => (fault === undefined ? '' : nameOf(fault))));
    t.is(names.size, cards);
  }
});

test('the same seed plans the same rounds, another one others', (t) => {
  t.deepEqual(rounds(7, 20), rounds(7, 20));
  t.notDeepEqual(rounds(7, 20), rounds(8, 20));
});

test('faults that come together are of different kinds, hit different members, and end with the round', (t) => {
  const mixed = rounds(3, 400).filter(({ length }) => length === 2);
  t.true(mixed.length > 100);
  for (const faults of mixed) {
    const [lasting, company] = faults;
    if (lasting === undefined || company === undefined) throw new Error('two faults were planned');
    t.not(lasting.kind, company.kind);
    const victims = faults.flatMap((fault) => (fault.kind === 'cut' ? [] : fault.victims));
    t.is(new Set(victims).size, victims.length, faults.map(describe).join(' & '));
    t.is(lasting.startMs, 0);
    t.true(company.startMs < company.endMs && company.endMs <= lasting.endMs);
  }
});

test('a round lasts for one to eight seconds, and an outage for less than three', (t) => {
  const lengths = rounds(3, 400).map((faults) => ({
    ms: faults[0]?.endMs ?? 0,
    outage: !leavesService(faults, members),
  }));
  t.true(lengths.every(({ ms, outage }) => ms >= 1000 && ms <= (outage ? 2500 : 8000)));
  t.true(lengths.some(({ ms }) => ms > 7000));
  t.true(lengths.some(({ outage }) => outage));
});

test('only what was asked for is planned', (t) => {
  const random = streamOf(1, 'nemesis');
  const deck = () => new Deck(['cut'], ['bridge'], random);
  const decks = { first: deck(), company: deck() };
  for (let round = 0; round < 50; round += 1) {
    t.deepEqual(planRound(decks, members, random).map(nameOf), ['cut bridge']);
  }
});

const when = { startMs: 0, endMs: 1000 };
const kill = (...victims: readonly string[]): Fault => ({ ...when, kind: 'kill', target: 'minority', victims });
const cut = (...pairs: readonly string[]): Fault => {
  const links = pairs.map((pair) => ({ from: pair.split('>')[0] ?? '', to: pair.split('>')[1] ?? '' }));
  return { ...when, kind: 'cut', cut: { shape: 'one-way', description: pairs.join(' '), links } };
};

test('writes can go on while a replica talks with a majority and a gateway, and not otherwise', (t) => {
  t.true(leavesService([kill('r1', 'r2')], members));
  t.false(leavesService([kill('r1', 'r2', 'r3')], members));
  t.true(leavesService([kill('g1')], members));
  t.false(leavesService([kill('g1', 'g2')], members));
  // What is left of r3, r4 and r5 needs all of them.
  t.false(leavesService([kill('r1', 'r2'), cut('r3>r4', 'r3>r5', 'r4>r5')], members));
  t.true(leavesService([kill('r1', 'r2'), cut('r4>r5')], members));
  const gatewaysOf = (...replicas: readonly string[]) => replicas.flatMap((id) => [`g1>${id}`, `${id}>g2`]);
  t.true(leavesService([cut(...gatewaysOf('r1', 'r2', 'r3', 'r4'))], members));
  t.false(leavesService([cut(...gatewaysOf('r1', 'r2', 'r3', 'r4', 'r5'))], members));
});
