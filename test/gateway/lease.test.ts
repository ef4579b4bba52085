import test from 'ava';
import { Lease } from '../../src/gateway/lease.ts';

function given({ term = 3, processed = 100 } = {}) {
  const position = { term, processed };
  const time = { now: 1000, wallOffset: 5e11 };
  const clock = { now: () => time.now, wallNow: () => time.now + time.wallOffset };
  const lease = new Lease({ clock, leaseMargin: 0.05, position });
  /** Asks, and is granted what is said `afterMs`. */
  const renew = (grant: { term?: number; index?: number; leaseMs?: number } = {}, afterMs = 2) => {
    const request = lease.request();
    time.now += afterMs;
    lease.granted({ request, term: 3, index: 100, leaseMs: 200, ...grant });
  };
  return { lease, position, time, renew };
}

test('without a grant there is no lease', (t) => {
  t.false(given().lease.usable);
});

test('it lasts from when it was asked for, less the margin', (t) => {
  const { lease, time, renew } = given();
  renew({ leaseMs: 200 }, 5);
  time.now = 1000 + 189.9;
  t.true(lease.usable);
  time.now = 1000 + 190;
  t.false(lease.usable);
});

test('it is of use once the log has been told up to where it ended at the grant', (t) => {
  const { lease, position, renew } = given({ processed: 99 });
  renew({ index: 100 });
  t.false(lease.usable);
  position.processed = 100;
  t.true(lease.usable);
});

test('an older one serves while the log is not told up to a newer one’s end', (t) => {
  const { lease, time, renew } = given();
  renew();
  time.now += 80;
  renew({ index: 150 });
  t.true(lease.usable);
  time.now = 1000 + 190;
  t.false(lease.usable, 'the older one has ended');
});

test('a lease of another term than the one that is followed is none', (t) => {
  const { lease, position, renew } = given();
  renew();
  position.term = 4;
  t.false(lease.usable);
  renew({ term: 4 });
  t.true(lease.usable);
  renew({ term: 5 });
  t.true(lease.usable, 'the one of term 4 goes on');
});

test('an answer to nothing that was asked is not heard, nor the same one twice', (t) => {
  const { lease, time } = given();
  const request = lease.request();
  lease.granted({ request: request + 1, term: 3, index: 0, leaseMs: 250 });
  t.false(lease.usable);
  lease.granted({ request, term: 3, index: 0, leaseMs: 30 });
  time.now += 29;
  lease.granted({ request, term: 3, index: 0, leaseMs: 250 });
  t.false(lease.usable);
});

test('a grant that comes too late is none', (t) => {
  const { lease, renew } = given();
  renew({ leaseMs: 200 }, 190);
  t.false(lease.usable);
});

test('what was held and asked for before it was dropped counts no more', (t) => {
  const { lease, renew } = given();
  renew();
  const request = lease.request();
  lease.drop();
  t.false(lease.usable);
  lease.granted({ request, term: 3, index: 0, leaseMs: 250 });
  t.false(lease.usable);
  renew();
  t.true(lease.usable);
});

test('of many questions without an answer the last ones are remembered', (t) => {
  const { lease } = given();
  const requests = Array.from({ length: 100 }, () => lease.request());
  lease.granted({ request: requests[0] ?? 0, term: 3, index: 0, leaseMs: 250 });
  t.false(lease.usable);
  lease.granted({ request: requests[99] ?? 0, term: 3, index: 0, leaseMs: 250 });
  t.true(lease.usable);
});

test('a machine that sleeps holds its lease no longer', (t) => {
  const { lease, time, renew } = given();
  renew({ leaseMs: 200 });
  time.wallOffset += 187;
  t.true(lease.usable);
  time.wallOffset += 2;
  t.false(lease.usable);
});

test('where the time was set back nothing that was asked for before counts', (t) => {
  const { lease, time, renew } = given();
  renew();
  time.wallOffset -= 100;
  t.false(lease.usable);
  renew();
  t.true(lease.usable);
});

test('it says what it lacks', (t) => {
  const { lease, position, time, renew } = given();
  t.is(lease.state, 'none');
  renew({ leaseMs: 200 });
  t.is(lease.state, 'held');
  position.processed = 99;
  t.is(lease.state, 'behind');
  position.processed = 100;
  position.term = 4;
  t.is(lease.state, 'behind', 'of another log nothing is processed');
  position.term = 3;
  time.wallOffset += 5000;
  t.is(lease.state, 'clocks');
  time.now += 200;
  t.is(lease.state, 'ended', 'on either clock');
  renew();
  t.is(lease.state, 'held');
  time.wallOffset -= 5000;
  t.is(lease.state, 'clocks');
  lease.drop();
  t.is(lease.state, 'none');
});
