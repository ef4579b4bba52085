import test from 'ava';
import { type Index, index } from '../../src/raft/types.ts';
import { Grants } from '../../src/store/grants.ts';

const leaseMs = 250;
const leaseMargin = 0.05;
const unlimited = Number.POSITIVE_INFINITY;

function book() {
  const grants = new Grants<string>({ leaseMs, leaseMargin });
  return {
    grants,
    /** Of a log that ends there, with a round that a quorum has just acknowledged unless said otherwise. */
    grant: (holder: string, lastIndex: number, now: number, quorumRoundAt: number | null = now) =>
      grants.grant(holder, { lastIndex: index(lastIndex), quorumRoundAt }, now),
  };
}

test('without a grant nothing is held back', (t) => {
  const { grants } = book();
  t.is(grants.publishLimit(0), unlimited);
  t.is(grants.nextEndAt(), null);
});

test('entries above the end of the log at the grant wait, until they are confirmed', (t) => {
  const { grants, grant } = book();
  t.is(grant('g1', 10, 1000), 250);
  t.is(grants.publishLimit(1001), 10);
  grants.told('g1', index(12), 1010);
  t.is(grants.publishLimit(1011), 10);
  grants.confirmed('g1', index(11));
  t.is(grants.publishLimit(1012), 11);
  grants.confirmed('g1', index(12));
  t.is(grants.publishLimit(1013), 12);
});

test('the slowest gateway says how far', (t) => {
  const { grants, grant } = book();
  grant('g1', 10, 1000);
  grant('g2', 12, 1001);
  t.is(grants.publishLimit(1002), 10);
  grants.confirmed('g1', index(20));
  t.is(grants.publishLimit(1003), 12);
});

test('a grant ends one lease after it was given, and the margin', (t) => {
  const { grants, grant } = book();
  grant('g1', 10, 1000);
  t.is(grants.nextEndAt(), 1262.5);
  t.is(grants.publishLimit(1262.4), 10);
  t.is(grants.publishLimit(1262.5), unlimited);
  t.is(grants.nextEndAt(), null);
});

test('it counts from the last round that a quorum acknowledged', (t) => {
  const { grants, grant } = book();
  t.is(grant('g1', 10, 1000, 940), 190);
  t.is(grants.nextEndAt(), 1000 + 190 * 1.05);
  t.is(grant('g2', 10, 1000, null), null);
  t.is(grant('g2', 10, 1000, 760), null, 'what is left would be over before it is of use');
});

test('renewed, it lasts longer, and what was above the first end of the log still waits', (t) => {
  const { grants, grant } = book();
  grant('g1', 10, 1000);
  grants.told('g1', index(15), 1090);
  t.is(grant('g1', 15, 1100), 240, 'from when the oldest that is not confirmed was sent');
  t.is(grants.publishLimit(1101), 10);
  grants.confirmed('g1', index(15));
  t.is(grant('g1', 15, 1102), 250);
  t.is(grants.nextEndAt(), 1102 + 262.5);
  t.is(grants.publishLimit(1103), 15);
});

test('a silent gateway delays an entry by one lease at most, however often it asks', (t) => {
  const { grants, grant } = book();
  grant('g1', 10, 1000);
  grants.told('g1', index(11), 1050);
  for (let now = 1060; now < 1300; now += 10) grant('g1', 11, now);
  t.is(grants.publishLimit(1050 + 262.5), unlimited);
});

test('it is confirmed from the oldest on', (t) => {
  const { grants, grant } = book();
  grant('g1', 10, 1000);
  grants.told('g1', index(11), 1010);
  grants.told('g1', index(12), 1020);
  grants.told('g1', index(13), 1030);
  grants.confirmed('g1', index(11));
  t.is(grant('g1', 13, 1100), 170, 'from 1020');
  grants.confirmed('g1', index(12));
  t.is(grant('g1', 13, 1100), 180);
  grants.confirmed('g1', index(10));
  t.is(grants.publishLimit(1101), 12, 'a confirmation that comes late takes nothing back');
});

test('a shorter grant does not end a longer one before', (t) => {
  const { grants, grant } = book();
  grant('g1', 10, 1000);
  t.is(grant('g1', 10, 1001, 900), 149);
  t.is(grants.nextEndAt(), 1262.5);
});

test('after its end a gateway begins anew, where the log then ends', (t) => {
  const { grants, grant } = book();
  grant('g1', 10, 1000);
  grants.told('g1', index(20), 1010);
  t.is(grant('g1', 20, 1300), 250);
  t.is(grants.publishLimit(1301), 20);
});

test('what is said of a grant that has ended is nothing', (t) => {
  const { grants, grant } = book();
  grant('g1', 10, 1000);
  grants.told('g1', index(11), 1263);
  grants.confirmed('g1', index(11));
  t.is(grants.publishLimit(1264), unlimited);
  grants.confirmed('g2', index(11));
  grants.told('g2', index(11), 1264);
  t.is(grants.publishLimit(1264), unlimited);
});

test('who serves no more is waited for no more', (t) => {
  const { grants, grant } = book();
  grant('g1', 10, 1000);
  grants.released('g1');
  t.is(grants.publishLimit(1001), unlimited);
});

test('in another term nobody is waited for', (t) => {
  const { grants, grant } = book();
  grant('g1', 10, 1000);
  grants.clear();
  t.is(grants.publishLimit(1001), unlimited);
});

test('rounds and invalidations from before the clocks disagreed give nothing', (t) => {
  const { grants, grant } = book();
  grant('g1', 10, 1000);
  grants.told('g1', index(11), 1001);
  grants.distrustBefore(1050);
  t.is(grant('g1', 11, 1051, 1049), null);
  t.is(grant('g1', 11, 1052, 1051), null, 'the invalidation is older');
  grants.confirmed('g1', index(11));
  t.is(grant('g1', 11, 1053, 1051), 248);
});

test('memory holds what one lease lasts', (t) => {
  const { grants, grant } = book();
  grant('g1', 0, 0);
  let held = 0;
  for (let at = 1; at < 10_000; at += 1) {
    grants.told('g1', index(at) as Index, at);
    if (grants.publishLimit(at) !== unlimited) held += 1;
  }
  t.true(held <= 263, `${held}`);
});
