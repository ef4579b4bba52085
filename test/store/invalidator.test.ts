import test from 'ava';
import { index, term } from '../../src/raft/types.ts';
import type { Command } from '../../src/store/command.ts';
import type { Follow, Invalidations, LeaderEvent } from '../../src/store/invalidation.ts';
import { Invalidator, type InvalidatorOptions } from '../../src/store/invalidator.ts';
import type { Hearing } from '../../src/store/publishing.ts';
import { createRandom } from './random.ts';
import { FakeLog, FakePeer, lineage, nobodyAsks, touchesOf } from './stream-fixture.ts';

let begun = 0;

function follow(published: number, streamId = 's', heardOf = 1): Follow {
  begun += 1;
  return { type: 'follow', lineage, streamId, nth: begun, term: term(heardOf), published: index(published) };
}

/** A leader of term 2 with entries 1 to 5, touching 1 to 5, of which 3 are published. */
function setUp() {
  const log = new FakeLog(2);
  const declared: Command[] = [];
  const invalidator = new Invalidator({
    lineage,
    publishing: nobodyAsks,
    touchesOf: (command) => {
      declared.push(command);
      return touchesOf(command);
    },
  });
  log.append(1, 2, 3, 4, 5);
  log.publishIndex = 3;
  const flush = () => invalidator.tail(log.tail());
  flush();
  return { log, invalidator, flush, declared };
}

/** Each message as `from-to, published`, then what it touches. */
function shown(events: readonly LeaderEvent[]): readonly string[] {
  return events.map((event) => {
    if (event.type === 'ended') return `${event.streamId} ended`;
    if (event.type === 'refused') return `${event.streamId} refused for ${event.forMs} ms: ${event.cause}`;
    if (event.type === 'granted') return `${event.streamId} granted ${event.leaseMs} ms for ${event.request}`;
    const touches = event.touches.map(({ index, touches }) => ` ${index}:${touches}`);
    return `${event.streamId} ${event.term}/${event.from}-${event.to} ${event.publishIndex}${touches.join('')}`;
  });
}

test('a stream begins at once, where the gateway stands', (t) => {
  const { invalidator } = setUp();
  const peer = new FakePeer();
  invalidator.receive(peer, follow(3));
  t.deepEqual(shown(peer.take()), ['s 2/3-5 3 4:4 5:5']);
});

test('a gateway that has everything is told so, and how much of it is published', (t) => {
  const { invalidator } = setUp();
  const peer = new FakePeer();
  invalidator.receive(peer, follow(5));
  t.deepEqual(shown(peer.take()), ['s 2/5-5 3']);
});

test('each flush is one message that goes on where the last one ended, committed or not', (t) => {
  const { log, invalidator, flush } = setUp();
  const peer = new FakePeer();
  invalidator.receive(peer, follow(5));
  peer.take();
  log.append(6, '*');
  log.appendNoop();
  flush();
  log.publishIndex = 6;
  flush();
  flush();
  log.append(9);
  log.publishIndex = 9;
  flush();
  t.deepEqual(shown(peer.take()), ['s 2/5-8 3 6:6 7:everything', 's 2/8-8 6', 's 2/8-9 9 9:9']);
});

test('those who stand at the same place share one encoding and one look at each entry', (t) => {
  const { log, invalidator, flush, declared } = setUp();
  const peers = ['a', 'b', 'c'].map((streamId) => {
    const peer = new FakePeer();
    invalidator.receive(peer, follow(streamId === 'c' ? 4 : 3, streamId));
    return peer;
  });
  t.deepEqual(
    peers.map((peer) => shown(peer.take())[0]),
    ['a 2/3-5 3 4:4 5:5', 'b 2/3-5 3 4:4 5:5', 'c 2/4-5 3 5:5'],
  );
  t.is(declared.length, 2);
  log.append(6, 7);
  let looks = 0;
  const tail = log.tail();
  invalidator.tail({
    ...tail,
    entries: (from, to) => {
      looks++;
      return tail.entries(from, to);
    },
  });
  flush();
  t.deepEqual(
    peers.map((peer) => shown(peer.take())),
    [['a 2/5-7 3 6:6 7:7'], ['b 2/5-7 3 6:6 7:7'], ['c 2/5-7 3 6:6 7:7']],
  );
  t.is(looks, 1);
  t.is(declared.length, 4);
});

test('where memory no longer holds what a gateway lacks, there is a gap: as small as it can be', (t) => {
  const { log, invalidator } = setUp();
  const peer = new FakePeer();
  log.evictedTo = 1;
  invalidator.receive(peer, follow(1, 'held'));
  invalidator.receive(peer, follow(0, 'published'));
  t.deepEqual(shown(peer.take()), ['held 2/1-5 3 2:2 3:3 4:4 5:5', 'published 2/3-5 3 4:4 5:5']);
});

test('a stream never begins beyond what is published: the entries there may never be, and no copy would count', (t) => {
  const { log, invalidator, flush } = setUp();
  const peer = new FakePeer();
  log.evictedTo = 5;
  invalidator.receive(peer, follow(0, 'restarted'));
  t.deepEqual(shown(peer.take()), ['restarted ended']);
  log.appendNoop();
  log.publishIndex = 6;
  flush();
  t.deepEqual(peer.take(), []);
  invalidator.receive(peer, follow(0, 'published'));
  log.append(...Array.from({ length: 8193 }, () => 7));
  flush();
  peer.take();
  invalidator.receive(peer, follow(0, 'no quorum'));
  t.deepEqual(shown(peer.take()), ['no quorum ended']);
});

test('a new leader resumes from what the gateway has, though it has published less itself', (t) => {
  const { log, invalidator, flush } = setUp();
  log.publishIndex = 0;
  flush();
  const peer = new FakePeer();
  invalidator.receive(peer, follow(4));
  t.deepEqual(shown(peer.take()), ['s 2/4-5 0 5:5']);
});

test('entries that leave memory before they are told end the streams that lack them', (t) => {
  const { log, invalidator, flush } = setUp();
  const peers = [new FakePeer(), new FakePeer()];
  for (const peer of peers) {
    invalidator.receive(peer, follow(5));
    peer.take();
  }
  log.append(6, 7);
  log.evictedTo = 6;
  flush();
  log.append(8);
  flush();
  for (const peer of peers) t.deepEqual(shown(peer.take()), ['s ended']);
});

test('a stream is not resumed over very many entries', (t) => {
  const { log, invalidator, flush } = setUp();
  log.append(...Array.from({ length: 8192 }, () => 7));
  log.publishIndex = 8197;
  flush();
  const [many, tooMany] = [new FakePeer(), new FakePeer()];
  invalidator.receive(many, follow(5));
  invalidator.receive(tooMany, follow(4));
  const told = many.take()[0];
  t.true(told?.type === 'invalidations' && told.from === 5 && told.touches.length === 8192);
  t.deepEqual(shown(tooMany.take()), ['s 2/8197-8197 8197']);
});

test('whoever does not lead ends the stream at once', (t) => {
  const { log, invalidator, flush } = setUp();
  const peer = new FakePeer();
  new Invalidator({ lineage, touchesOf, publishing: nobodyAsks }).receive(peer, follow(3, 'unstarted'));
  log.leads = false;
  flush();
  invalidator.receive(peer, follow(3, 'follower'));
  log.leads = true;
  flush();
  invalidator.receive(peer, follow(3, 'deposed', 3));
  invalidator.receive(peer, { ...follow(3, 'foreign'), lineage: 'other' });
  log.append(6);
  flush();
  t.deepEqual(shown(peer.take()), ['unstarted ended', 'follower ended', 'deposed ended', 'foreign ended']);
});

test('a leader that steps down ends all streams, and sends nothing on them when it leads again', (t) => {
  const { log, invalidator, flush } = setUp();
  const peers = ['a', 'b'].map((streamId) => {
    const peer = new FakePeer();
    invalidator.receive(peer, follow(5, streamId));
    peer.take();
    return peer;
  });
  log.leads = false;
  log.append(6);
  flush();
  t.deepEqual(
    peers.map((peer) => shown(peer.take())),
    [['a ended'], ['b ended']],
  );
  log.leads = true;
  log.currentTerm = 4;
  flush();
  t.deepEqual(
    peers.map((peer) => shown(peer.take())),
    [[], []],
  );
});

test('leadership that is lost and won within one turn ends all streams', (t) => {
  const { log, invalidator, flush } = setUp();
  const peer = new FakePeer();
  invalidator.receive(peer, follow(5));
  peer.take();
  log.currentTerm = 4;
  log.append(6);
  flush();
  t.deepEqual(shown(peer.take()), ['s ended']);
});

test('a stream that begins after leadership was lost, and before that is known here, ends at once', (t) => {
  const { log, invalidator, flush } = setUp();
  const peer = new FakePeer();
  log.leads = false;
  invalidator.receive(peer, follow(3));
  flush();
  t.deepEqual(shown(peer.take()), ['s ended']);
});

test('a gateway whose connection is congested is told that its stream ended, and the others go on', (t) => {
  const { log, invalidator, flush } = setUp();
  const [slow, quick] = [new FakePeer(), new FakePeer()];
  invalidator.receive(slow, follow(5, 'slow'));
  invalidator.receive(quick, follow(5, 'quick'));
  slow.congested = true;
  flush();
  t.deepEqual([slow.take().length, quick.take().length], [1, 1], 'nothing was to be sent');
  log.append(6);
  flush();
  log.append(7);
  flush();
  t.deepEqual(shown(slow.take()), ['slow ended']);
  t.deepEqual(shown(quick.take()), ['quick 2/5-6 3 6:6', 'quick 2/6-7 3 7:7']);
  invalidator.receive(slow, follow(5, 'still slow'));
  t.deepEqual(shown(slow.take()), ['still slow ended']);
  slow.congested = false;
  invalidator.receive(slow, follow(5, 'again'));
  t.deepEqual(shown(slow.take()), ['again 2/5-7 3 6:6 7:7']);
});

test('nothing is worked out for a connection that is congested, however often it asks', (t) => {
  const { log, invalidator, flush, declared } = setUp();
  const slow = new FakePeer();
  slow.congested = true;
  for (let nth = 0; nth < 3; nth++) invalidator.receive(slow, follow(0));
  t.deepEqual(shown(slow.take()), ['s ended', 's ended', 's ended']);
  slow.congested = false;
  invalidator.receive(slow, follow(5));
  slow.take();
  slow.congested = true;
  log.append(6);
  flush();
  t.deepEqual(shown(slow.take()), ['s ended']);
  t.deepEqual(declared, []);
});

test('streams, messages and congestions are counted', (t) => {
  const { log, invalidator, flush } = setUp();
  t.deepEqual(invalidator.statistics(), { streams: 0, messages: 0, congestions: 0 });
  const [peer, slow] = [new FakePeer(), new FakePeer()];
  invalidator.receive(peer, follow(5));
  invalidator.receive(slow, follow(5));
  t.deepEqual(invalidator.statistics(), { streams: 2, messages: 2, congestions: 0 });
  slow.congested = true;
  log.append(6);
  flush();
  t.deepEqual(invalidator.statistics(), { streams: 1, messages: 3, congestions: 1 });
});

test('what touches much is split by index, and stops where the connection is congested', (t) => {
  const { log, invalidator, flush } = setUp();
  const [peer, slow] = [new FakePeer(), new FakePeer()];
  for (const each of [peer, slow]) invalidator.receive(each, follow(5));
  peer.take();
  slow.take();
  slow.event = (bytes) => {
    slow.sent.push(bytes);
    slow.congested = true;
  };
  log.append(...Array.from({ length: 40_000 }, (_, nth) => nth));
  log.publishIndex = 30_000;
  flush();
  const largest = Math.max(...peer.sent.map((bytes) => bytes.length));
  const parts = peer.take() as Invalidations[];
  t.true(largest <= 300 * 1024, `${largest} bytes`);
  t.true(parts.length >= 3, `${parts.length} parts`);
  t.is(parts[0]?.from, index(5));
  for (const [nth, part] of parts.slice(1).entries()) t.is(part.from, (parts[nth] as Invalidations).to);
  t.is(parts.at(-1)?.to, index(40_005));
  t.true(parts.every(({ publishIndex }) => publishIndex === 30_000));
  const told = parts.flatMap((part) => part.touches);
  t.deepEqual(
    told.map(({ touches }) => Number(touches)),
    Array.from({ length: 40_000 }, (_, nth) => nth),
  );
  for (const part of parts) t.true(part.touches.every((each) => each.index > part.from && each.index <= part.to));
  t.deepEqual(
    slow.take().map(({ type }) => type),
    ['invalidations', 'ended'],
  );
});

test('what touches everything is split too, before it is more than a message holds', (t) => {
  const { log, invalidator, flush } = setUp();
  const peer = new FakePeer();
  invalidator.receive(peer, follow(5));
  peer.take();
  log.append(...Array.from({ length: 20_000 }, () => '*'));
  flush();
  const parts = peer.take() as Invalidations[];
  t.deepEqual(parts.map(({ from, to, touches }) => [from, to, touches.length]) as unknown, [
    [5, 16_389, 16_384],
    [16_389, 20_005, 3616],
  ]);
});

test('what touches more than a message says one by one, or cannot be read, touches everything', (t) => {
  const { log, invalidator, flush } = setUp();
  const peer = new FakePeer();
  invalidator.receive(peer, follow(5));
  peer.take();
  log.append('many');
  log.appendBytes(Buffer.from('of a later version'));
  flush();
  t.deepEqual(shown(peer.take()), ['s 2/5-7 3 6:everything 7:everything']);
});

test('a gateway that begins anew has one stream, and is listened to once', (t) => {
  const { log, invalidator, flush } = setUp();
  const peer = new FakePeer();
  invalidator.receive(peer, follow(5, 'old'));
  invalidator.receive(peer, follow(3, 'new'));
  peer.take();
  log.append(6);
  flush();
  t.deepEqual(shown(peer.take()), ['new 2/5-6 3 6:6']);
  t.is(peer.listeners, 1);
});

test('a stream whose connection closes is forgotten, also if it was closed before', (t) => {
  const { log, invalidator, flush, declared } = setUp();
  const [peer, gone] = [new FakePeer(), new FakePeer()];
  gone.onClose = (callback) => callback();
  invalidator.receive(peer, follow(5));
  invalidator.receive(gone, follow(5));
  peer.close();
  for (const each of [peer, gone]) each.take();
  log.append(6);
  flush();
  t.deepEqual([peer.sent, gone.sent], [[], []]);
  t.is(declared.length, 0, 'without subscribers no entry is looked at');
});

test('how many may follow is bounded, and whoever closes makes room', (t) => {
  const { invalidator } = setUp();
  const peers = Array.from({ length: 129 }, () => new FakePeer());
  for (const peer of peers) invalidator.receive(peer, follow(5));
  const [first, last] = [peers[0] as FakePeer, peers.at(-1) as FakePeer];
  t.deepEqual(peers.slice(0, -1).filter((peer) => peer.take()[0]?.type !== 'invalidations').length, 0);
  t.deepEqual(shown(last.take()), ['s ended']);
  invalidator.receive(first, follow(5));
  t.deepEqual(shown(first.take()), ['s 2/5-5 3'], 'who is in keeps its place');
  first.close();
  invalidator.receive(last, follow(5));
  t.deepEqual(shown(last.take()), ['s 2/5-5 3']);
});

/** The other end, with a floor for every touch: what it has processed counts in one term only. */
class ModelGateway {
  peer = new FakePeer();
  streamId = '';
  #term = 0;
  #processed = 0;
  #announced = 0;
  #base = 0;
  readonly #floors = new Map<number, number>();

  get published(): number {
    return Math.min(this.#processed, this.#announced);
  }

  get heardOf(): number {
    return this.#term;
  }

  /** Is what was read at `readIndex`, and touched by `touch`, still current for all that is published here? */
  admits(readIndex: number, touch: number): boolean {
    return readIndex >= this.#base && readIndex >= (this.#floors.get(touch) ?? 0);
  }

  /** Receives what waits; true if the stream ended. */
  receive(count: number): boolean {
    let ended = false;
    for (const event of this.peer.take().slice(0, count)) {
      if (event.streamId !== this.streamId) continue;
      if (event.type === 'ended') ended = true;
      else this.#process(event);
    }
    return ended;
  }

  #process(message: Invalidations): void {
    if (message.term < this.#term) return;
    if (message.term > this.#term) {
      this.#processed = this.published;
      this.#term = message.term;
    }
    if (message.from > this.#processed) this.#base = Math.max(this.#base, message.from);
    for (const { index: at, touches } of message.touches) {
      if (touches === 'everything') this.#base = Math.max(this.#base, at);
      else for (const touch of touches) this.#floors.set(touch, Math.max(this.#floors.get(touch) ?? 0, at));
    }
    this.#processed = Math.max(this.#processed, message.to);
    this.#announced = Math.max(this.#announced, message.publishIndex);
  }
}

test('through leader changes, evictions, lost connections and congestion no published write is missed', (t) => {
  let admitted = 0;
  let asked = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const random = createRandom(seed);
    const gateways = [new ModelGateway(), new ModelGateway()];
    let log = new FakeLog(1);
    let invalidator = new Invalidator({ lineage, touchesOf, publishing: nobodyAsks });
    let streams = 0;
    /** The highest index that any leader published: its entries are in every later leader's log. */
    let published = 0;
    const flush = () => invalidator.tail(log.tail());
    flush();
    for (let step = 0; step < 300; step++) {
      const gateway = random.pick(gateways);
      const chance = random.below(100);
      if (chance < 35) {
        log.append(
          ...Array.from({ length: 1 + random.below(3) }, () => (random.below(40) === 0 ? '*' : random.below(8))),
        );
        if (random.below(4) > 0) flush();
      } else if (chance < 55) {
        log.publishIndex += random.below(log.lastIndex - log.publishIndex + 1);
        published = Math.max(published, log.publishIndex);
        flush();
      } else if (chance < 62) {
        // What is not published may be lost, and is not known to be published by the next leader.
        const successor = new FakeLog(log.currentTerm + 1);
        const kept = published + random.below(log.lastIndex - published + 1);
        successor.entries.push(...log.entries.slice(0, kept));
        successor.publishIndex = random.below(published + 1);
        successor.evictedTo = random.below(2) * random.below(kept + 1);
        log.leads = false;
        flush();
        log = successor;
        invalidator = new Invalidator({ lineage, touchesOf, publishing: nobodyAsks });
        flush();
      } else if (chance < 67) {
        log.evictedTo = Math.max(log.evictedTo, random.below(log.publishIndex + 1));
      } else if (chance < 72) {
        gateway.peer.congested = !gateway.peer.congested;
      } else if (chance < 77) {
        // The connection breaks: what was on its way is lost, but for a part.
        gateway.receive(random.below(2));
        gateway.peer.close();
        gateway.peer = new FakePeer();
        gateway.streamId = '';
      } else if (chance < 90) {
        if (gateway.receive(Number.POSITIVE_INFINITY)) gateway.streamId = '';
      }
      if (gateway.streamId === '' && random.below(3) === 0) {
        gateway.streamId = `${++streams}`;
        invalidator.receive(gateway.peer, follow(gateway.published, gateway.streamId, gateway.heardOf));
      }
      for (const each of gateways) {
        const reached = each.published;
        if (reached > published) t.fail(`seed ${seed}, step ${step}: ${reached} of ${published} published`);
        for (let touch = 0; touch < 8; touch++) {
          const lastWrite = log.lastWriteOf(touch, reached);
          if (lastWrite > 0 && each.admits(lastWrite - 1, touch)) t.fail(`seed ${seed}, step ${step}: ${lastWrite}`);
          asked++;
          if (each.admits(reached, touch)) admitted++;
        }
      }
    }
  }
  t.true(admitted > asked / 4, `${admitted} of ${asked} current copies were admitted`);
});

test('a lease is granted once a quorum has acknowledged a round that left after it was asked for', (t) => {
  const granted: number[] = [];
  const log = new FakeLog(2);
  log.append(1);
  let left = 7;
  log.acknowledgedRound = 7;
  const invalidator = new Invalidator({
    ...{ lineage, touchesOf },
    publishing: {
      ...nobodyAsks,
      asked: () => ({ type: 'heard', round: left, at: 10 * left }),
      grant: (_, askedAt) => {
        granted.push(askedAt);
        return { index: index(5), leaseMs: 200 };
      },
    },
  });
  const flush = () => invalidator.tail(log.tail());
  flush();
  const peer = new FakePeer();
  invalidator.receive(peer, follow(1));
  peer.take();
  const renew = (request: number) => invalidator.receive(peer, { type: 'renew', streamId: 's', request });
  renew(1);
  log.publishIndex = 1;
  flush();
  t.deepEqual(shown(peer.take()), ['s 2/1-1 1'], 'that a quorum followed before it was asked for proves nothing');
  left = 8;
  renew(2);
  log.acknowledgedRound = 8;
  flush();
  t.deepEqual(shown(peer.take()), ['s granted 200 ms for 1']);
  flush();
  log.acknowledgedRound = 9;
  flush();
  log.acknowledgedRound = 10;
  flush();
  t.deepEqual(shown(peer.take()), ['s granted 200 ms for 2']);
  t.deepEqual(granted, [70, 80]);
});

test('who is granted nothing, or has no stream any more when it could be, hears nothing; refused it is at once', (t) => {
  const hearings: Hearing[] = [
    { type: 'refused', cause: 'silent', forMs: 2000 },
    { type: 'heard', round: 0, at: 0 },
    { type: 'heard', round: 1, at: 0 },
  ];
  const asked: string[] = [];
  const log = new FakeLog(2);
  log.append(1);
  const invalidator = new Invalidator({
    ...{ lineage, touchesOf },
    publishing: {
      ...nobodyAsks,
      asked: () => hearings.shift() ?? null,
      grant: () => {
        asked.push('grant');
        return null;
      },
    },
  });
  invalidator.tail(log.tail());
  const peer = new FakePeer();
  invalidator.receive(peer, follow(0));
  peer.take();
  for (const request of [1, 2]) invalidator.receive(peer, { type: 'renew', streamId: 's', request });
  log.acknowledgedRound = 1;
  invalidator.tail(log.tail());
  t.deepEqual(shown(peer.take()), ['s refused for 2000 ms: silent']);
  t.deepEqual(asked, ['grant']);
  invalidator.receive(peer, { type: 'renew', streamId: 's', request: 3 });
  invalidator.receive(peer, follow(1, 'another'));
  log.acknowledgedRound = 2;
  invalidator.tail(log.tail());
  t.deepEqual(asked, ['grant']);
});

test('what a quorum has is passed on once everybody has been told of it, while this replica leads', (t) => {
  const calls: string[] = [];
  const log = new FakeLog(2);
  const invalidator = new Invalidator({
    ...{ lineage, touchesOf },
    publishing: {
      ...nobodyAsks,
      told: (_peer, to) => calls.push(`told ${to}`),
      committed: (through) => calls.push(`committed ${through}`),
    },
  });
  invalidator.tail(log.tail());
  invalidator.receive(new FakePeer(), follow(0));
  calls.length = 0;
  log.append(1, 2);
  log.commitIndex = 2;
  invalidator.tail(log.tail());
  log.leads = false;
  invalidator.tail(log.tail());
  t.deepEqual(calls, ['told 2', 'committed 2']);
});

test('what a gateway has processed of another term, or says on another stream, confirms nothing', (t) => {
  const { log } = setUp();
  const confirmed: number[] = [];
  const invalidator = new Invalidator({
    lineage,
    publishing: { ...nobodyAsks, confirmed: (_, through) => void confirmed.push(through) },
    touchesOf,
  });
  invalidator.tail(log.tail());
  const peer = new FakePeer();
  invalidator.receive(peer, follow(3));
  const confirm = (streamId: string, ofTerm: number, through: number) =>
    invalidator.receive(peer, { type: 'confirmed', streamId, term: term(ofTerm), through: index(through) });
  confirm('s', 1, 9);
  confirm('s', 3, 8);
  confirm('older', 2, 7);
  t.deepEqual(confirmed, []);
  confirm('s', 2, 5);
  t.deepEqual(confirmed, [5]);
});

test('a follow that comes twice, or after a later one, begins nothing and gives nobody free', (t) => {
  let released = 0;
  const log = new FakeLog(2);
  log.append(1);
  const publishing = {
    ...nobodyAsks,
    released: () => {
      released += 1;
    },
  };
  const invalidator = new Invalidator({ lineage, touchesOf, publishing });
  invalidator.tail(log.tail());
  const peer = new FakePeer();
  const [first, second] = [follow(0, 'first'), follow(0, 'second')];
  invalidator.receive(peer, first);
  invalidator.receive(peer, second);
  peer.take();
  released = 0;
  for (const late of [first, second, first]) invalidator.receive(peer, late);
  t.deepEqual(peer.take(), []);
  t.is(released, 0);
  log.append(2);
  invalidator.tail(log.tail());
  t.deepEqual(
    shown(peer.take()).map((message) => message.split(' ')[0]),
    ['second'],
  );
  invalidator.receive(peer, { type: 'released', streamId: 'second', request: 3 });
  t.is(released, 1);
});

test('a renewal is heard once, and what gives it up frees its gateway unless that has asked again', (t) => {
  const { heard, say } = whoAsks();
  for (const request of [1, 1, 2]) say({ type: 'renew', request });
  say({ type: 'released', request: 1 });
  t.deepEqual(heard, ['asked', 'asked']);
  say({ type: 'released', request: 2 });
  t.deepEqual(heard, ['asked', 'asked', 'released']);
});

test('on another stream requests are heard, whatever was asked for on the one before', (t) => {
  const { heard, say, invalidator, peer } = whoAsks();
  say({ type: 'renew', request: 7 });
  invalidator.receive(peer, follow(0, 'another'));
  heard.length = 0;
  invalidator.receive(peer, { type: 'renew', streamId: 'another', request: 3 });
  t.deepEqual(heard, ['asked']);
});

test('a follow that is heard after its connection closed leaves nothing behind', (t) => {
  const { invalidator } = setUp();
  const peer = new FakePeer();
  invalidator.receive(peer, follow(3, 'before'));
  peer.close();
  invalidator.receive(peer, follow(3, 'after'));
  t.is(invalidator.statistics().streams, 0);
});

/** A gateway that follows, and what is passed on of what it says from then on. */
function whoAsks() {
  const heard: string[] = [];
  const log = new FakeLog(2);
  log.append(1);
  const publishing: InvalidatorOptions['publishing'] = {
    ...nobodyAsks,
    asked: () => {
      heard.push('asked');
      return null;
    },
    released: () => void heard.push('released'),
  };
  const invalidator = new Invalidator({ lineage, touchesOf, publishing });
  invalidator.tail(log.tail());
  const peer = new FakePeer();
  invalidator.receive(peer, follow(0));
  heard.length = 0;
  const say = (event: { readonly type: 'renew' | 'released'; readonly request: number }) =>
    invalidator.receive(peer, { ...event, streamId: 's' });
  return { heard, say, invalidator, peer };
}
