import test from 'ava';
import type { RaftConstants } from '../../src/raft/constants.ts';
import { raftConstants } from '../../src/raft/constants.ts';
import { acknowledged, becomeProbe, beginNewLife, newProgress, sent, windowIsFull } from '../../src/raft/progress.ts';
import { index } from '../../src/raft/types.ts';

const constants: RaftConstants = { ...raftConstants, inflightMessagesMax: 3, inflightBytesMax: 1000 };

function replicating() {
  const progress = newProgress(index(1), 0);
  progress.state = 'replicate';
  return progress;
}

test('the window is full by messages or by bytes', (t) => {
  const byMessages = replicating();
  const byBytes = replicating();

  for (const last of [1, 2, 3]) sent(byMessages, index(last), 10, 0);
  sent(byBytes, index(1), 999, 0);
  const before = windowIsFull(byBytes, constants);
  sent(byBytes, index(2), 1, 0);

  t.true(windowIsFull(byMessages, constants));
  t.false(before);
  t.true(windowIsFull(byBytes, constants));
});

test('an acknowledgement frees the window of what it covers, and of nothing else', (t) => {
  const progress = replicating();
  for (const last of [2, 4, 6]) sent(progress, index(last), 100, 0);

  acknowledged(progress, index(5), 7);

  t.deepEqual(
    progress.inflight.map(({ lastIndex }) => Number(lastIndex)),
    [6],
  );
  t.is(progress.inflightBytes, 100);
  t.is(Number(progress.matchIndex), 5);
  t.is(Number(progress.nextIndex), 7);
  t.is(progress.inflightSince, 7);
});

test('an old acknowledgement changes nothing', (t) => {
  const progress = replicating();
  for (const last of [2, 4]) sent(progress, index(last), 100, 0);
  acknowledged(progress, index(2), 1);
  const before = structuredClone(progress);

  acknowledged(progress, index(1), 9);

  t.deepEqual(progress, before);
});

test('a window that was empty counts its time from the first message in it', (t) => {
  const progress = replicating();

  sent(progress, index(1), 10, 50);
  sent(progress, index(2), 10, 80);

  t.is(progress.inflightSince, 50);
});

test('a probe forgets the window, a new life what the old one held', (t) => {
  const progress = replicating();
  sent(progress, index(3), 10, 0);
  acknowledged(progress, index(3), 0);
  sent(progress, index(5), 10, 0);
  progress.reading = true;

  becomeProbe(progress, index(4));
  const probed = structuredClone(progress);
  beginNewLife(progress, 8, index(6));

  t.like(probed, { state: 'probe', nextIndex: index(4), matchIndex: index(3), inflightBytes: 0, reading: false });
  t.deepEqual(probed.inflight, []);
  t.like(progress, { state: 'probe', nextIndex: index(6), matchIndex: index(0), bootId: 8 });
});
