import test from 'ava';
import { Lease } from '../../src/gateway/lease.ts';
import { LeaseKeeper, type LeaseRefusal } from '../../src/gateway/lease-keeper.ts';
import { ManualClock } from '../store/manual-clock.ts';

/** `isRead`: hits want a lease all the time. */
function given({ isRead = true } = {}) {
  const clock = new ManualClock();
  const position = { term: 3, processed: 10 };
  const lease = new Lease({ clock, leaseMargin: 0.05, position });
  const keeper = new LeaseKeeper({ clock, lease, position });
  const asked: number[] = [];
  const confirmed: number[] = [];
  let releases = 0;
  const read = () => {
    void lease.usable;
    clock.setTimer(500, read);
  };
  if (isRead) read();
  const stream = {
    live: true,
    release: () => {
      releases += 1;
    },
    renew: (request: number) => asked.push(request),
    confirm: ({ through }: { through: number }) => confirmed.push(through),
  };
  let answered = 0;
  const grant = (request: number) => {
    answered = Math.max(answered, request);
    keeper.granted({ request, term: 3, index: 10, leaseMs: 250 });
  };
  /** In answer to a request that is newer than any that was answered. */
  const refuse = (refusal: Omit<LeaseRefusal, 'request'>) => {
    answered += 1;
    keeper.refused({ ...refusal, request: answered });
  };
  return { clock, position, lease, keeper, stream, asked, confirmed, grant, refuse, released: () => releases };
}

test('a lease is asked for anew before two lost questions would end it', async (t) => {
  const { clock, lease, keeper, stream, asked, grant } = given();
  keeper.start(stream);
  t.deepEqual(asked, [1]);
  grant(1);
  await clock.advance(237);
  t.true(lease.usable);
  t.true(asked.length >= 3, `${asked}`);
});

test('nobody is asked while no stream is followed, and again once there is one', async (t) => {
  const { clock, keeper, stream, asked } = given();
  stream.live = false;
  keeper.start(stream);
  await clock.advance(500);
  t.deepEqual(asked, []);
  stream.live = true;
  await clock.advance(80);
  t.deepEqual(asked, [1]);
});

test('what came in one turn is confirmed once, as far as it then goes', async (t) => {
  const { clock, position, keeper, stream, confirmed } = given();
  keeper.start(stream);
  keeper.processed();
  keeper.processed();
  position.processed = 12;
  await clock.settle();
  t.deepEqual(confirmed, [12]);
  keeper.processed();
  await clock.settle();
  t.deepEqual(confirmed, [12], 'a message that took nothing further');
  position.term = 4;
  keeper.processed();
  await clock.settle();
  t.deepEqual(confirmed, [12, 12], 'of another term');
});

test('with another stream the lease is gone', (t) => {
  const { lease, keeper, stream, grant } = given();
  keeper.start(stream);
  grant(1);
  t.true(lease.usable);
  keeper.streamBegan();
  t.false(lease.usable);
});

test('while nobody reads no lease is asked for, and what was held is lost to that', async (t) => {
  const { clock, position, lease, keeper, stream, asked, confirmed, grant, released } = given({ isRead: false });
  keeper.start(stream);
  await clock.advance(500);
  t.deepEqual(asked, []);
  t.deepEqual(keeper.view, { held: false, reason: 'nobody has read here for a second what is kept' });
  t.false(lease.usable, 'a hit wants one');
  await clock.advance(80);
  t.deepEqual(asked, [1]);
  grant(1);
  t.deepEqual(keeper.view, { held: true }, 'to look on wants none');
  await clock.advance(1000);
  const { length } = asked;
  t.true(length > 10);
  await clock.advance(1000);
  t.is(asked.length, length);
  t.like(keeper.statistics().losses, { unrenewed: 1, idle: 0 }, 'it was lost before, as nobody had granted another');
  void lease.usable;
  await clock.advance(80);
  grant(asked.at(-1) ?? 0);
  await clock.advance(920);
  grant(asked.at(-1) ?? 0);
  t.is(released(), 1);
  await clock.advance(500);
  t.like(keeper.statistics().losses, { idle: 1 });
  t.is(released(), 2, 'nobody waits for it');
  position.processed = 11;
  keeper.processed();
  await clock.settle();
  t.false(confirmed.includes(11));
});

test('what is confirmed to one leader is confirmed to the next', async (t) => {
  const { clock, keeper, stream, confirmed } = given();
  keeper.start(stream);
  keeper.processed();
  await clock.settle();
  keeper.streamBegan();
  keeper.processed();
  await clock.settle();
  t.deepEqual(confirmed, [10], 'nothing was asked of it yet');
  await clock.advance(80);
  keeper.processed();
  await clock.settle();
  t.deepEqual(confirmed, [10, 10]);
});

test('closed, it serves under no lease, and the leader waits for it no more', async (t) => {
  const { clock, lease, keeper, stream, confirmed, grant, released } = given();
  keeper.start(stream);
  grant(1);
  keeper.close();
  t.false(lease.usable);
  t.is(released(), 1);
  keeper.processed();
  await clock.settle();
  t.deepEqual(confirmed, []);
  t.is(released(), 1);
});

test('closed, it asks no more', async (t) => {
  const { clock, keeper, stream, asked } = given();
  keeper.start(stream);
  keeper.close();
  await clock.advance(1000);
  t.deepEqual(asked, [1]);
});

test('refused, it asks again when the time is over, and keeps what it holds until then', async (t) => {
  const { clock, lease, keeper, stream, asked, grant, refuse } = given();
  keeper.start(stream);
  grant(1);
  await clock.advance(80);
  refuse({ cause: 'late', forMs: 2000 });
  t.true(lease.usable);
  await clock.advance(1999);
  t.deepEqual(asked, [1, 2]);
  t.false(lease.usable);
  await clock.advance(1);
  t.deepEqual(asked, [1, 2, 3]);
  await clock.advance(80);
  t.deepEqual(asked, [1, 2, 3, 4], 'at the usual pace');
});

test('a refusal that comes again, or after a later answer, keeps it from nothing', async (t) => {
  const { clock, keeper, stream, asked, grant } = given();
  keeper.start(stream);
  const refusal = { cause: 'late', request: 1, forMs: 1000 } as const;
  keeper.refused(refusal);
  await clock.advance(1000);
  t.deepEqual(asked, [1, 2]);
  keeper.refused(refusal);
  await clock.advance(160);
  t.deepEqual(asked, [1, 2, 3, 4]);
  grant(4);
  keeper.refused({ ...refusal, request: 3 });
  await clock.advance(80);
  t.deepEqual(asked, [1, 2, 3, 4, 5]);
  t.is(keeper.statistics().refusals, 1);
});

test('while nothing is granted what is processed is confirmed with every question', async (t) => {
  const { clock, keeper, stream, confirmed, grant } = given();
  keeper.start(stream);
  await clock.advance(80);
  t.deepEqual(confirmed, [10, 10], 'what the leader has not heard it waits for, and grants nothing');
  grant(2);
  await clock.advance(80);
  t.deepEqual(confirmed, [10, 10]);
});

test('another stream is asked at once, whatever the one before had refused', async (t) => {
  const { clock, keeper, stream, asked, refuse } = given();
  keeper.start(stream);
  refuse({ cause: 'silent', forMs: 30_000 });
  keeper.streamBegan();
  await clock.advance(80);
  t.deepEqual(asked, [1, 2]);
});

test('no refusal keeps it from asking for longer than a minute, nor makes it ask more often', async (t) => {
  const { clock, keeper, stream, asked, refuse } = given();
  keeper.start(stream);
  refuse({ cause: 'silent', forMs: 2 ** 40 });
  await clock.advance(60_000);
  t.deepEqual(asked, [1, 2]);
  refuse({ cause: 'silent', forMs: 0 });
  await clock.advance(79);
  t.deepEqual(asked, [1, 2]);
});

test('what is said once it is closed wakes nobody', async (t) => {
  const { clock, keeper, stream, asked, refuse } = given();
  keeper.start(stream);
  keeper.close();
  refuse({ cause: 'late', forMs: 1000 });
  await clock.advance(5000);
  t.deepEqual(asked, [1]);
});

test('closed while it is refused, it leaves no timer, whichever stream begins', async (t) => {
  const { clock, keeper, stream, refuse } = given({ isRead: false });
  keeper.start(stream);
  refuse({ cause: 'late', forMs: 1000 });
  keeper.close();
  keeper.streamBegan();
  t.is(clock.timers, 0);
});

test('it says whether a lease is held, and if not, why', async (t) => {
  const { clock, position, keeper, stream, grant, refuse } = given();
  const reason = () => (keeper.view.held ? 'held' : keeper.view.reason);
  stream.live = false;
  keeper.start(stream);
  t.is(reason(), 'no leader tells this gateway of its log');
  stream.live = true;
  t.is(reason(), 'the leader has not granted one yet');
  await clock.advance(80);
  grant(1);
  t.deepEqual(keeper.view, { held: true });
  position.processed = 9;
  t.is(reason(), 'the leader has granted one from further on in its log than it has told of');
  position.processed = 10;
  clock.sleep(10_000);
  t.is(reason(), 'wall time and monotonic time disagree about whether the last one has ended');
  await clock.advance(240);
  t.is(reason(), 'the last one has ended, and the leader has not renewed it');
  refuse({ cause: 'late', forMs: 2000 });
  await clock.advance(500);
  t.is(reason(), 'the leader grants none for 2 s: what this gateway confirmed came late, and writes waited for it');
  refuse({ cause: 'silent', forMs: 1000 });
  t.is(reason(), 'the leader grants none for 1 s: this gateway had fallen silent, and writes waited for it');
  refuse({ cause: 'undeclared', forMs: 10_000 });
  t.is(
    reason(),
    'the leader grants none for 10 s: a command changed what it had not declared; the log of the leader names it',
  );
  stream.live = false;
  t.is(reason(), 'no leader tells this gateway of its log', 'whatever the last one had refused');
});

test('leases that were lost are counted by cause, each once', async (t) => {
  const { clock, position, keeper, stream, asked, grant, refuse } = given();
  const grantNewest = () => grant(asked.at(-1) ?? 0);
  const none = { stream: 0, idle: 0, unrenewed: 0, refused: 0, behind: 0, clocks: 0 };
  const losses = () => keeper.statistics().losses;
  keeper.start(stream);
  await clock.advance(1000);
  t.deepEqual(losses(), none, 'nothing was held');

  grantNewest();
  await clock.advance(1000);
  t.like(losses(), { ...none, unrenewed: 1 });
  grantNewest();
  keeper.streamBegan();
  keeper.streamBegan();
  t.like(losses(), { unrenewed: 1, stream: 1 });
  await clock.advance(80);
  grantNewest();
  stream.live = false;
  await clock.advance(1000);
  t.like(losses(), { stream: 2 });
  stream.live = true;
  await clock.advance(80);
  grantNewest();
  refuse({ cause: 'late', forMs: 1000 });
  await clock.advance(1000);
  t.like(losses(), { refused: 1 });
  grantNewest();
  position.term = 4;
  await clock.advance(80);
  t.like(losses(), { behind: 1 });
  position.term = 3;
  await clock.advance(80);
  grantNewest();
  clock.sleep(10_000);
  await clock.advance(80);
  t.deepEqual(losses(), { idle: 0, unrenewed: 1, stream: 2, refused: 1, behind: 1, clocks: 1 });
});

test('a gap that the next grant closes is counted, though nobody looked meanwhile', async (t) => {
  const { clock, keeper, stream, asked, grant } = given();
  keeper.start(stream);
  grant(1);
  await clock.advance(239);
  grant(asked.at(-1) ?? 0);
  t.like(keeper.statistics(), { held: true, requests: 3, grants: 2, refusals: 0, losses: { unrenewed: 1 } });
});
