import test from 'ava';
import { balancePolicies, type Candidate, createReadPolicy } from '../../src/store/read-policy.ts';
import { createRandom } from './random.ts';

const random = (seed: number) => {
  const { below } = createRandom(seed);
  return { next: () => below(2 ** 32) / 2 ** 32 };
};

const candidate = (position: number, inFlight: number, latencyMs: number | null): Candidate => {
  return { position, inFlight, latencyMs };
};

/** How often each is chosen. */
function shares(policy: 'p2c' | 'least_loaded' | 'round_robin', candidates: readonly Candidate[], choices: number) {
  const { choose } = bind(policy);
  const counts = candidates.map(() => 0);
  for (let nth = 0; nth < choices; nth++) {
    const at = candidates.indexOf(choose(candidates) as Candidate);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts;
}

function bind(name: 'p2c' | 'least_loaded' | 'round_robin') {
  const policy = createReadPolicy(name, random(7));
  return { choose: (candidates: readonly Candidate[]) => policy.choose(candidates) };
}

for (const name of balancePolicies) {
  test(`${name}: of none nobody is chosen, of one that one`, (t) => {
    const { choose } = bind(name);
    t.is(choose([]), null);
    const only = candidate(2, 5, null);
    t.is(choose([only]), only);
  });
}

test('round_robin: exactly in turn, however busy or slow they are', (t) => {
  t.deepEqual(
    shares('round_robin', [candidate(0, 9, 50), candidate(1, 0, null), candidate(2, 0, 1)], 30_000),
    [10_000, 10_000, 10_000],
  );
});

test('round_robin: whoever is missing is passed over, and the others stay in turn', (t) => {
  const { choose } = bind('round_robin');
  const [one, two, three] = [candidate(0, 0, 1), candidate(1, 0, 1), candidate(2, 0, 1)] as const;
  const chosen = [
    [one, two, three],
    [one, three],
    [one, two, three],
    [two, three],
    [one, two],
    [two, three],
  ];
  t.deepEqual(
    chosen.map((from) => choose(from)?.position),
    [0, 2, 0, 1, 0, 1],
  );
});

test('least_loaded: always the one with the fewest reads in flight, of equals the next in turn', (t) => {
  t.deepEqual(shares('least_loaded', [candidate(0, 2, 1), candidate(1, 1, 90), candidate(2, 3, 1)], 300), [0, 300, 0]);
  t.deepEqual(
    shares('least_loaded', [candidate(0, 1, 1), candidate(1, 4, 1), candidate(2, 1, 90)], 300),
    [150, 0, 150],
  );
});

test('p2c: equals get equal shares, within chance', (t) => {
  for (const count of shares('p2c', [candidate(0, 0, 2), candidate(1, 0, 2), candidate(2, 0, 2)], 30_000)) {
    t.true(Math.abs(count - 10_000) < 300, `${count}`);
  }
});

test('p2c: the cheapest of three wins wherever it is drawn, the dearest never', (t) => {
  const [busy, slow, best] = shares('p2c', [candidate(0, 9, 1), candidate(1, 0, 8), candidate(2, 2, 1)], 30_000);
  t.is(busy, 0);
  t.true(Math.abs((slow ?? 0) - 10_000) < 300 && Math.abs((best ?? 0) - 20_000) < 300, `${slow} ${best}`);
});

test('p2c: a replica that was never measured counts as the median', (t) => {
  const [fast, unknown, median, slow] = shares(
    'p2c',
    [candidate(0, 0, 1), candidate(1, 0, null), candidate(2, 0, 4), candidate(3, 0, 9)],
    60_000,
  );
  t.is(slow, 0);
  t.true(Math.abs((fast ?? 0) - 30_000) < 600, `${fast}`);
  t.true(Math.abs((unknown ?? 0) - (median ?? 0)) < 600, `${unknown} ${median}`);
});

test('p2c: where nothing takes any time the reads in flight still count', (t) => {
  t.is(shares('p2c', [candidate(0, 1, 0), candidate(1, 0, 0)], 100)[0], 0);
});
