import test from 'ava';
import { Quarantine, quarantineConstants } from '../../src/store/quarantine.ts';

/** Confirmations, one every `everyMs`, from `from` to `to`; the answers that follow from them, with their times. */
function confirmations(
  quarantine: Quarantine,
  { from, to, everyMs, lagMs }: { from: number; to: number; everyMs: number; lagMs: (nth: number) => number },
) {
  const refusals: (readonly [number, number])[] = [];
  for (let [at, nth] = [from, 0]; at < to; at += everyMs, nth += 1) {
    const refusal = quarantine.confirmed('g1', lagMs(nth), at);
    if (refusal !== null) refusals.push([at, refusal.forMs]);
  }
  return refusals;
}

test('who behaves is never excluded', (t) => {
  const quarantine = new Quarantine(['g1']);
  t.deepEqual(confirmations(quarantine, { from: 0, to: 60_000, everyMs: 10, lagMs: () => 50 }), []);
  t.is(quarantine.refusal('g1', 60_000), null);
});

test('a tenth may be late, more may not', (t) => {
  const late = (every: number) => (nth: number) => (nth % every === every - 1 ? 51 : 0);
  const tenth = confirmations(new Quarantine([]), { from: 0, to: 60_000, everyMs: 10, lagMs: late(10) });
  t.deepEqual(tenth, []);
  const [first] = confirmations(new Quarantine([]), { from: 0, to: 60_000, everyMs: 10, lagMs: late(9) });
  t.deepEqual(first, [260, 1000], 'the third, of twenty-seven');
});

test('two late ones are a hiccup, however little there is beside them', (t) => {
  const quarantine = new Quarantine(['g1']);
  t.is(quarantine.confirmed('g1', 240, 1000), null);
  t.is(quarantine.confirmed('g1', 240, 2000), null);
  t.is(quarantine.confirmed('g1', 240, 6999), null, 'the first is five seconds old');
  t.deepEqual(quarantine.confirmed('g1', 240, 6999), { cause: 'late', forMs: 1000 });
});

test('what is asked for meanwhile is refused until the end, with the time that is left', (t) => {
  const quarantine = new Quarantine(['g1']);
  quarantine.silent('g1', 5000);
  t.deepEqual(quarantine.refusal('g1', 5000.5), { cause: 'silent', forMs: 1000 });
  t.deepEqual(quarantine.refusal('g1', 5999.5), { cause: 'silent', forMs: 1 });
  t.is(quarantine.refusal('g1', 6000), null);
  t.is(quarantine.refusal('g2', 5500), null);
});

test('exclusions grow from one second to thirty, and begin anew after a minute of good conduct', (t) => {
  const quarantine = new Quarantine(['g1']);
  const lasted: number[] = [];
  let now = 0;
  for (let nth = 0; nth < 7; nth += 1) {
    const forMs = quarantine.silent('g1', now)?.forMs ?? 0;
    lasted.push(forMs);
    now += forMs + 59_999;
  }
  t.deepEqual(lasted, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  t.deepEqual(quarantine.silent('g1', now + 1), { cause: 'silent', forMs: 1000 });
});

test('what happens during an exclusion adds nothing to it', (t) => {
  const quarantine = new Quarantine(['g1']);
  quarantine.silent('g1', 0);
  t.is(quarantine.silent('g1', 260), null);
  t.deepEqual(confirmations(quarantine, { from: 300, to: 1000, everyMs: 10, lagMs: () => 200 }), []);
  t.is(quarantine.refusal('g1', 1000), null);
  t.deepEqual(confirmations(quarantine, { from: 1000, to: 1030, everyMs: 10, lagMs: () => 200 }), [[1020, 2000]]);
});

test('it counts what it did, from the start and for each gateway alone', (t) => {
  const quarantine = new Quarantine(['g1', 'g2']);
  quarantine.waited('g1', 3);
  quarantine.waited('g1', 4);
  quarantine.silent('g1', 0);
  confirmations(quarantine, { from: 1000, to: 1030, everyMs: 10, lagMs: () => 51 });
  t.deepEqual(quarantine.conducts(1100), [
    { id: 'g1', waitedMs: 7, excluded: true, exclusions: { late: 1, silent: 1 } },
    { id: 'g2', waitedMs: 0, excluded: false, exclusions: { late: 0, silent: 0 } },
  ]);
});

test('an exclusion ends before the good conduct after it counts', (t) => {
  const { exclusionMsMin, exclusionMsMax, forgivenAfterMs } = quarantineConstants;
  t.true(exclusionMsMin <= exclusionMsMax);
  t.true(exclusionMsMax < forgivenAfterMs);
});
