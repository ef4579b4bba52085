import test from 'ava';
import { InvariantError } from '../../src/raft/assert.ts';
import { checkConstants, raftConstants } from '../../src/raft/constants.ts';

test('the constants of production hold their relations', (t) => {
  t.notThrows(() => checkConstants(raftConstants));
});

for (const [wrong, complaint] of [
  [{ heartbeatIntervalMs: 101 }, /heartbeats/],
  [{ electionTimeoutMaxMs: raftConstants.electionTimeoutMinMs }, /spread/],
  [{ appendBytesMax: raftConstants.inflightBytesMax + 1 }, /full message/],
  [{ inflightMessagesMax: 0 }, /a message/],
  [{ inflightTimeoutMs: raftConstants.heartbeatIntervalMs }, /acknowledgement/],
  [{ uncommittedBytesMax: raftConstants.entryBytesMax - 1 }, /proposable/],
] as const) {
  test(`${JSON.stringify(wrong)} is refused`, (t) => {
    t.throws(() => checkConstants({ ...raftConstants, ...wrong }), { instanceOf: InvariantError, message: complaint });
  });
}
