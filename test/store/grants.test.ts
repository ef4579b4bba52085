import test from 'ava';
import { type Index, index } from '../../src/raft/types.ts';
import { Grants } from '../../src/store/grants.ts';

const leaseMs = 250;
const leaseMargin = 0.05;
const unlimited = Number.POSITIVE_INFINITY;

function book() {
  /** What was found out about gateways since this was last asked. */
  const found: string[] = [];
  const grants = new Grants<string>({
    leaseMs,
    leaseMargin,
    observer: {
      waited: (holder, milliseconds) => found.push(`${holder} waited ${milliseconds}`),
      confirmed: (holder, lagMs) => found.push(`${holder} confirmed ${lagMs}`),
      silent: (holder) => found.push(`${holder} silent`),
    },
  });
  return {
    grants,
    found: () => found.splice(0),
    /** Of a log that ends there, asked for at this moment unless said otherwise. */
    grant: (holder: string, lastIndex: number, now: number, askedAt = now) =>
      grants.grant(holder, { lastIndex: index(lastIndex), askedAt }, now),
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
  grants.confirmed('g1', index(11), 1011);
  t.is(grants.publishLimit(1012), 11);
  grants.confirmed('g1', index(12), 1012);
  t.is(grants.publishLimit(1013), 12);
});

test('the slowest gateway says how far', (t) => {
  const { grants, grant } = book();
  grant('g1', 10, 1000);
  grant('g2', 12, 1001);
  t.is(grants.publishLimit(1002), 10);
  grants.confirmed('g1', index(20), 1002);
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

test('it counts from when it was asked for', (t) => {
  const { grants, grant } = book();
  t.is(grant('g1', 10, 1000, 940), 250);
  t.is(grants.nextEndAt(), 940 + 262.5);
  t.is(grant('g2', 10, 1000, 760), null, 'what is left would be over before it is of use');
});

test('renewed, it lasts longer, and what was above the first end of the log still waits', (t) => {
  const { grants, grant } = book();
  grant('g1', 10, 1000);
  grants.told('g1', index(15), 1090);
  t.is(grant('g1', 15, 1100), 240, 'from when the oldest that is not confirmed was sent');
  t.is(grants.publishLimit(1101), 10);
  grants.confirmed('g1', index(15), 1101);
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
  grants.confirmed('g1', index(11), 1030);
  t.is(grant('g1', 13, 1100), 170, 'from 1020');
  grants.confirmed('g1', index(12), 1100);
  t.is(grant('g1', 13, 1100), 180);
  grants.confirmed('g1', index(10), 1100);
  t.is(grants.publishLimit(1101), 12, 'a confirmation that comes late takes nothing back');
});

test('a shorter grant does not end a longer one before', (t) => {
  const { grants, grant } = book();
  grant('g1', 10, 1000);
  t.is(grant('g1', 10, 1001, 900), 250);
  t.is(grants.nextEndAt(), 1262.5);
});

test('after its end a gateway begins anew, where the log then ends', (t) => {
  const { grants, grant } = book();
  grant('g1', 10, 1000);
  grants.told('g1', index(20), 1010);
  grants.confirmed('g1', index(20), 1020);
  t.is(grant('g1', 22, 1300), 250);
  t.is(grants.publishLimit(1301), 22);
});

test('a gateway whose grant ended before it had confirmed all that it was told gets no other until it has', (t) => {
  const { grants, grant } = book();
  grant('g1', 10, 1000);
  grants.told('g1', index(11), 1010);
  grants.told('g1', index(12), 1020);
  for (let now = 1300; now < 9000; now += 80) t.is(grant('g1', 20, now), null);
  t.is(grants.publishLimit(9000), unlimited);
  grants.confirmed('g1', index(11), 9000);
  t.is(grant('g1', 20, 9001), null);
  grants.confirmed('g1', index(12), 9002);
  t.is(grant('g1', 20, 9003), 250);
});

for (const [what, happens] of [
  ['follows anew', (grants: Grants<string>) => grants.released('g1', 1400)],
  ['is gone', (grants: Grants<string>) => grants.gone('g1')],
  ['met another term', (grants: Grants<string>) => grants.clear()],
] as const) {
  test(`nothing is remembered of what was not confirmed once its gateway ${what}`, (t) => {
    const { grants, grant } = book();
    grant('g1', 10, 1000);
    grants.told('g1', index(11), 1010);
    t.is(grant('g1', 20, 1300), null);
    happens(grants);
    t.is(grant('g1', 20, 1500), 250);
  });
}

test('a grant is waited for though its gateway is gone, and then nothing is remembered of it', (t) => {
  const { grants, grant } = book();
  grant('g1', 10, 1000);
  grants.told('g1', index(11), 1010);
  grants.gone('g1');
  t.is(grants.publishLimit(1262), 10);
  t.is(grants.publishLimit(1263), unlimited);
  t.is(grant('g1', 20, 1500), 250);
});

test('what is said of a grant that has ended is nothing', (t) => {
  const { grants, grant } = book();
  grant('g1', 10, 1000);
  grants.told('g1', index(11), 1263);
  grants.confirmed('g1', index(11), 1263);
  t.is(grants.publishLimit(1264), unlimited);
  grants.confirmed('g2', index(11), 1264);
  grants.told('g2', index(11), 1264);
  t.is(grants.publishLimit(1264), unlimited);
});

test('who serves no more is waited for no more', (t) => {
  const { grants, grant } = book();
  grant('g1', 10, 1000);
  grants.released('g1', 1001);
  t.is(grants.publishLimit(1001), unlimited);
});

test('in another term nobody is waited for', (t) => {
  const { grants, grant } = book();
  grant('g1', 10, 1000);
  grants.clear();
  t.is(grants.publishLimit(1001), unlimited);
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

test('what is confirmed before a quorum has it was in time, and nothing waited', (t) => {
  const { grants, grant, found } = book();
  grant('g1', 10, 1000);
  grants.told('g1', index(12), 1010);
  grants.confirmed('g1', index(12), 1090);
  grants.committed(index(12), 1100);
  t.deepEqual(found(), ['g1 confirmed 0']);
});

test('from when a quorum has it until it is confirmed writes wait for a gateway', (t) => {
  const { grants, grant, found } = book();
  grant('g1', 10, 1000);
  grants.told('g1', index(12), 1010);
  grants.committed(index(11), 1012);
  grants.committed(index(12), 1015);
  grants.committed(index(12), 1030);
  grants.confirmed('g1', index(11), 1039);
  t.deepEqual(found(), ['g1 waited 24'], 'not all that it was told of at once');
  grants.confirmed('g1', index(12), 1040);
  t.deepEqual(found(), ['g1 waited 1', 'g1 confirmed 25']);
});

test('a word for many messages is as late as the first of them, and time is counted once', (t) => {
  const { grants, grant, found } = book();
  grant('g1', 10, 1000);
  for (const [to, at] of [
    [11, 1010],
    [12, 1020],
    [13, 1030],
  ] as const) {
    grants.told('g1', index(to), at);
    grants.committed(index(to), at + 5);
  }
  grants.confirmed('g1', index(11), 1045);
  t.deepEqual(found(), ['g1 waited 30', 'g1 confirmed 30']);
  grants.confirmed('g1', index(13), 1050);
  t.deepEqual(found(), ['g1 waited 5', 'g1 confirmed 25']);
  grants.told('g1', index(14), 1060);
  grants.committed(index(14), 1065);
  grants.confirmed('g1', index(14), 1070);
  t.deepEqual(found(), ['g1 waited 5', 'g1 confirmed 5']);
});

test('a grant that ends while something committed waits for it shows that its gateway is silent', (t) => {
  const { grants, grant, found } = book();
  grant('g1', 10, 1000);
  grant('g2', 10, 1000);
  grants.told('g1', index(11), 1100);
  grants.told('g2', index(11), 1100);
  grants.committed(index(11), 1110);
  grants.confirmed('g2', index(11), 1111);
  found();
  t.is(grants.publishLimit(1263), unlimited);
  t.deepEqual(found(), ['g1 waited 152.5', 'g1 silent']);
});

test('one that ends while nothing waits for it shows nothing, nor one whose end was noticed late', (t) => {
  const { grants, grant, found } = book();
  grant('g1', 10, 1000);
  grants.told('g1', index(11), 1100);
  t.is(grants.publishLimit(1263), unlimited);
  t.deepEqual(found(), []);
  grants.confirmed('g1', index(11), 1400);
  grant('g1', 11, 2000);
  grants.told('g1', index(12), 2100);
  grants.committed(index(12), 2110);
  t.is(grants.publishLimit(2900), unlimited, 'what the gateway said meanwhile may not be heard yet');
  t.deepEqual(found(), ['g1 waited 152.5']);
});

test('who says that it serves no more was not silent', (t) => {
  const { grants, grant, found } = book();
  grant('g1', 10, 1000);
  grants.told('g1', index(11), 1010);
  grants.committed(index(11), 1020);
  grants.released('g1', 1030);
  t.deepEqual(found(), ['g1 waited 10']);
});
