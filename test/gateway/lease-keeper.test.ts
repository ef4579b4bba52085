import test from 'ava';
import { Lease } from '../../src/gateway/lease.ts';
import { LeaseKeeper } from '../../src/gateway/lease-keeper.ts';
import { ManualClock } from '../store/manual-clock.ts';

function given() {
  const clock = new ManualClock();
  const position = { term: 3, processed: 10 };
  const lease = new Lease({ clock, leaseMargin: 0.05, position });
  const keeper = new LeaseKeeper({ clock, lease, position });
  const asked: number[] = [];
  const confirmed: number[] = [];
  const stream = {
    live: true,
    renew: (request: number) => asked.push(request),
    confirm: ({ through }: { through: number }) => confirmed.push(through),
  };
  const grant = (request: number) => keeper.granted({ request, term: 3, index: 10, leaseMs: 250 });
  return { clock, position, lease, keeper, stream, asked, confirmed, grant };
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
  t.deepEqual(confirmed, [12, 12]);
});

test('with another stream the lease is gone', (t) => {
  const { lease, keeper, stream, grant } = given();
  keeper.start(stream);
  grant(1);
  t.true(lease.usable);
  keeper.streamBegan();
  t.false(lease.usable);
});

test('closed, it asks no more', async (t) => {
  const { clock, keeper, stream, asked } = given();
  keeper.start(stream);
  keeper.close();
  await clock.advance(1000);
  t.deepEqual(asked, [1]);
});
