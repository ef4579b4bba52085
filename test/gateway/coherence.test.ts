import test from 'ava';
import { Coherence, type Invalidations } from '../../src/gateway/coherence.ts';

const lineage = 'cluster/1';
const [a, b] = [1, 2];

/** A coherence that follows the stream `s`, and short words for what is sent on it. */
function start() {
  const advances: number[] = [];
  const coherence = new Coherence({ lineage, onAdvance: (published) => advances.push(published) });
  coherence.follow('s');
  const receive = (message: Partial<Invalidations>) =>
    coherence.receive({ lineage, streamId: 's', term: 1, from: 0, to: 0, publishIndex: 0, touches: [], ...message });
  return { coherence, advances, receive };
}

const touched = (index: number, ...touches: readonly number[]) => ({ index, touches });

test('the published position is what is both processed and announced', (t) => {
  const { coherence, receive } = start();
  t.is(coherence.published, 0);
  receive({ from: 0, to: 10, publishIndex: 0 });
  t.is(coherence.published, 0);
  receive({ from: 10, to: 12, publishIndex: 7 });
  t.is(coherence.published, 7);
  receive({ from: 12, to: 14, publishIndex: 20 });
  t.is(coherence.published, 14);
});

test('an announcement may come without an entry, and an entry without a touch', (t) => {
  const { coherence, receive } = start();
  receive({ from: 0, to: 10, publishIndex: 4 });
  t.is(receive({ from: 10, to: 10, publishIndex: 10 }), 'processed');
  t.is(coherence.published, 10);
});

test('entries raise their floors before they are published', (t) => {
  const { coherence, receive } = start();
  receive({ from: 0, to: 10, publishIndex: 4, touches: [touched(6, a), touched(9, a, b)] });
  t.false(coherence.admits(8, [a]));
  t.true(coherence.admits(9, [a]));
  t.false(coherence.admits(8, [b]));
  t.true(coherence.admits(0, [3]));
});

test('a command that cannot list what it changes raises the base floor', (t) => {
  const { coherence, receive } = start();
  receive({ from: 0, to: 10, touches: [{ index: 6, touches: 'everything' }, touched(8, a)] });
  t.false(coherence.admits(5, [b]));
  t.true(coherence.admits(6, [b]));
  t.false(coherence.admits(7, [a]));
});

test('before a stream is followed nothing is heard', (t) => {
  const coherence = new Coherence({ lineage, onAdvance: () => t.fail() });
  const message = { lineage, streamId: 's', term: 1, from: 0, to: 5, publishIndex: 5, touches: [] };
  t.is(coherence.receive(message), 'ignored');
  t.is(coherence.published, 0);
});

for (const [what, offence] of [
  ['another lineage', { lineage: 'cluster/2' }],
  ['another stream', { streamId: 'older' }],
  ['a lower term', { term: 4 }],
] as const) {
  test(`a message of ${what} is ignored, all of it`, (t) => {
    const { coherence, advances, receive } = start();
    receive({ term: 5, from: 0, to: 3, publishIndex: 3 });
    advances.length = 0;
    t.is(
      receive({ term: 5, from: 8, to: 9, publishIndex: 9, touches: [touched(9, a), everythingAt(9)], ...offence }),
      'ignored',
    );
    t.is(coherence.published, 3);
    t.true(coherence.admits(3, [a]));
    t.deepEqual(coherence.follow('t'), { term: 5, published: 3 });
    t.deepEqual(advances, []);
  });
}

function everythingAt(index: number) {
  return { index, touches: 'everything' } as const;
}

test('a new stream begins where the published position is, and the old one is not heard any more', (t) => {
  const { coherence, receive } = start();
  receive({ term: 2, from: 0, to: 10, publishIndex: 7 });
  t.deepEqual(coherence.follow('t'), { term: 2, published: 7 });
  t.is(receive({ term: 2, from: 10, to: 12, publishIndex: 12 }), 'ignored');
  t.is(receive({ streamId: 't', term: 2, from: 7, to: 12, publishIndex: 12 }), 'processed');
  t.is(coherence.published, 12);
});

test('a higher term falls back to the published position', (t) => {
  const { coherence, receive } = start();
  receive({ term: 1, from: 0, to: 15, publishIndex: 10 });
  receive({ term: 2, from: 10, to: 12, publishIndex: 12, touches: [touched(12, a)] });
  t.is(coherence.published, 12);
  t.false(coherence.admits(11, [a]));
  receive({ term: 2, from: 12, to: 12, publishIndex: 15 });
  t.is(coherence.published, 12, 'what the old leader had at 13 is not what the new one has');
});

test('a higher term that begins beyond the published position is a gap, however far the old one went', (t) => {
  const { coherence, receive } = start();
  receive({ term: 1, from: 0, to: 15, publishIndex: 10 });
  t.is(receive({ term: 2, from: 13, to: 14, publishIndex: 14 }), 'gap');
  t.false(coherence.admits(12, [a]));
  t.true(coherence.admits(13, [a]));
  t.is(coherence.published, 14);
});

test('a higher term falls back before its own announcement counts', (t) => {
  const { coherence, receive } = start();
  receive({ term: 1, from: 0, to: 15, publishIndex: 10 });
  t.is(receive({ term: 2, from: 15, to: 16, publishIndex: 16 }), 'gap');
  t.false(coherence.admits(14, [a]));
});

test('a gap raises the base floor to where it ends, and the position goes on behind it', (t) => {
  const { coherence, receive } = start();
  receive({ from: 0, to: 10, publishIndex: 10 });
  t.is(receive({ from: 14, to: 16, publishIndex: 16, touches: [touched(16, a)] }), 'gap');
  t.false(coherence.admits(13, [b]));
  t.true(coherence.admits(14, [b]));
  t.false(coherence.admits(15, [a]));
  t.is(coherence.published, 16);
});

test('what was missed and comes late still raises floors; what comes twice changes nothing', (t) => {
  const { coherence, advances, receive } = start();
  const late = { from: 0, to: 10, publishIndex: 5, touches: [touched(4, a), touched(8, b)] };
  receive({ from: 10, to: 12, publishIndex: 11, touches: [touched(12, a)] });
  t.is(receive(late), 'processed');
  t.is(receive(late), 'processed');
  t.is(coherence.published, 11);
  t.false(coherence.admits(11, [a]), 'the floor of the newer touch stands');
  t.true(coherence.admits(12, [a]));
  t.deepEqual(advances, [11]);
});

test('whoever waits hears of each step of the published position once, when it can be asked', (t) => {
  const seen: (readonly [published: number, admitted: boolean])[] = [];
  const coherence = new Coherence({
    lineage,
    onAdvance: (published) => seen.push([published, coherence.admits(5, [a])]),
  });
  coherence.follow('s');
  const message = { lineage, streamId: 's', term: 1, from: 0, to: 5, publishIndex: 5, touches: [] };
  coherence.receive(message);
  coherence.receive(message);
  coherence.receive({ ...message, from: 5, to: 8, touches: [touched(7, a)] });
  coherence.receive({ ...message, from: 8, to: 8, publishIndex: 7 });
  t.deepEqual(seen, [
    [5, true],
    [7, false],
  ]);
});
