/** What a gateway and its leader say of leases, lost, late or twice: a leader and a gateway, both real. */
import test from 'ava';
import { Coherence } from '../../src/gateway/coherence.ts';
import { Lease } from '../../src/gateway/lease.ts';
import { LeaseKeeper } from '../../src/gateway/lease-keeper.ts';
import { index, term } from '../../src/raft/types.ts';
import type { GatewayEvent } from '../../src/store/invalidation.ts';
import { decodeLeaderEvent } from '../../src/store/invalidation-codec.ts';
import { Invalidator, type StreamPeer } from '../../src/store/invalidator.ts';
import { Publishing } from '../../src/store/publishing.ts';
import { ManualClock } from '../store/manual-clock.ts';
import { FakeLog, FakePeer, lineage, touchesOf } from '../store/stream-fixture.ts';

const leaseMs = 250;
const leaseMargin = 0.05;
const streamId = 's';

/** A leader of term 2, and a gateway that follows it. `lose`: which of the gateway's words do not arrive. */
function given() {
  const clock = new ManualClock();
  const log = new FakeLog(2);
  log.append(1, 2, 3);
  log.publishIndex = 3;
  let limit = Number.POSITIVE_INFINITY;
  const publishedAt = new Map<number, number>();
  const publish = () => {
    const to = Math.min(log.commitIndex, limit);
    if (to <= log.publishIndex) return;
    log.publishIndex = to;
    publishedAt.set(to, clock.now());
    invalidator.tail(log.tail());
  };
  /** Rounds of heartbeats, acknowledged as they leave. */
  const beat = () => {
    log.acknowledgedRound += 1;
    invalidator.tail(log.tail());
    clock.setTimer(50, beat);
  };
  const excluded: string[] = [];
  const publishing = new Publishing<StreamPeer>({
    ...{ clock, leaseMs, leaseMargin, gateways: ['g'], gatewayOf: () => 'g' },
    node: () => ({
      leadership: { term: term(2), lastIndex: index(log.lastIndex), round: log.acknowledgedRound },
      limitPublishing: (_, to) => {
        limit = to;
        publish();
      },
    }),
    onExclusion: (_, { cause }) => excluded.push(cause),
  });
  const invalidator = new Invalidator({ lineage, touchesOf, publishing });
  beat();

  const coherence = new Coherence({ lineage, onAdvance() {} });
  const lease = new Lease({ clock, leaseMargin, position: coherence });
  const keeper = new LeaseKeeper({ clock, lease, position: coherence });
  const peer = new FakePeer();
  peer.event = (bytes) => {
    const event = decodeLeaderEvent(bytes);
    if (event?.type === 'granted') keeper.granted(event);
    else if (event?.type === 'refused') keeper.refused(event);
    else if (event?.type === 'invalidations' && coherence.receive(event) !== 'ignored') keeper.processed();
  };
  const said: GatewayEvent[] = [];
  const lost = new Set<GatewayEvent['type']>();
  const say = (event: GatewayEvent) => {
    said.push(event);
    if (!lost.has(event.type)) invalidator.receive(peer, event);
  };
  let requested = 0;
  coherence.follow(streamId);
  say({ type: 'follow', lineage, streamId, nth: 1, term: term(0), published: index(0) });
  keeper.start({
    live: true,
    renew: (request) => {
      requested = request;
      say({ type: 'renew', streamId, request });
    },
    confirm: (position) =>
      say({ type: 'confirmed', streamId, term: term(position.term), through: index(position.through) }),
    release: () => say({ type: 'released', streamId, request: requested }),
  });

  /** For so long hits want a lease, every 50 ms. The answer: for which part of them there is one. */
  const read = async (durationMs: number): Promise<number> => {
    let held = 0;
    for (let atMs = 0; atMs < durationMs; atMs += 50) {
      if (lease.usable) held += 1;
      await clock.advance(50);
    }
    return held / (durationMs / 50);
  };
  /** Of an entry that a quorum has at once: how long it has waited to be published, whenever it is asked. */
  const write = (): (() => number) => {
    const at = clock.now();
    log.append(1);
    const entry = log.lastIndex;
    invalidator.tail(log.tail());
    log.commitIndex = entry;
    invalidator.tail(log.tail());
    publish();
    return () => (publishedAt.get(entry) ?? Number.POSITIVE_INFINITY) - at;
  };
  /** It comes once more. */
  const repeat = (type: GatewayEvent['type']) => {
    const last = said.findLast((event) => event.type === type);
    if (last !== undefined) invalidator.receive(peer, last);
  };
  return { clock, read, write, repeat, lost, excluded, grants: () => publishing.statistics().grants };
}

test('no write waits for a renewal that comes again once its gateway rests, and nobody is blamed', async (t) => {
  const { clock, read, write, repeat, excluded, grants } = given();
  await read(500);
  await clock.advance(2000);
  t.is(grants(), 0);
  repeat('renew');
  t.is(grants(), 0);
  const waitedMs = write();
  await clock.advance(500);
  t.is(waitedMs(), 0);
  t.deepEqual(excluded, []);
  t.true((await read(5000)) > 0.9);
});

test('a gateway whose confirmation was lost gets leases again, though nothing more is written', async (t) => {
  const { clock, read, write, lost, excluded } = given();
  await read(500);
  lost.add('confirmed');
  write();
  await clock.settle();
  lost.clear();
  await read(2000);
  t.deepEqual(excluded, ['silent']);
  t.true((await read(5000)) > 0.9);
});

test('a gateway that confirms nothing holds up one write, though what gave up its lease before comes again', async (t) => {
  const { clock, read, write, repeat, lost } = given();
  await read(500);
  await clock.advance(2000);
  await read(500);
  lost.add('confirmed');
  const waits: number[] = [];
  for (let times = 0; times < 4; times += 1) {
    const waitedMs = write();
    await read(400);
    waits.push(waitedMs());
    repeat('released');
    await read(10_000);
  }
  t.is(waits.filter((ms) => ms > 0).length, 1, `${waits}`);
});
