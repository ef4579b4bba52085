/** The committed log, read for the replay of a history. */
import test from 'ava';
import { type Entry, index, term } from '../../src/raft/types.ts';
import type { Command } from '../../src/store/command.ts';
import { encodeCommand } from '../../src/store/command-codec.ts';
import { configurationOf } from '../raft/memory-disk.ts';
import { decodeCommitted } from './log-decoder.ts';

const stamp = { session: index(2), sequence: 5, lowestUnanswered: 4 };

function logged(at: number, command: Command): Entry {
  return { type: 'command', term: term(3), index: index(at), command: encodeCommand(command) };
}

test('each kind of entry has its form in the replay', (t) => {
  const log: readonly Entry[] = [
    { type: 'configuration', term: term(1), index: index(1), configuration: configurationOf(['r1']) },
    logged(2, { type: 'openSession' }),
    { type: 'noop', term: term(3), index: index(3) },
    logged(4, {
      type: 'put',
      stamp,
      key: 'k/ö',
      value: Buffer.from('wört'),
      contentType: 'text/plain',
      precondition: { ifMatch: [7, 9], ifNoneMatch: null },
    }),
    logged(5, { type: 'delete', stamp, key: 'k', precondition: { ifMatch: '*', ifNoneMatch: null } }),
  ];
  t.deepEqual(decodeCommitted(log), [
    { index: 1, term: 1, type: 'noop' },
    { index: 2, term: 3, type: 'openSession' },
    { index: 3, term: 3, type: 'noop' },
    {
      index: 4,
      term: 3,
      type: 'put',
      session: 2,
      sequence: 5,
      lowestUnanswered: 4,
      key: 'k/ö',
      value: 'wört',
      condition: { ifMatch: [7, 9], ifNoneMatch: null },
    },
    {
      index: 5,
      term: 3,
      type: 'delete',
      session: 2,
      sequence: 5,
      lowestUnanswered: 4,
      key: 'k',
      condition: { ifMatch: '*', ifNoneMatch: null },
    },
  ]);
});

test('an entry that holds no command is not passed over', (t) => {
  const entry: Entry = { type: 'command', term: term(1), index: index(7), command: Buffer.from('?') };
  t.throws(() => decodeCommitted([entry]), { message: 'entry 7 of term 1 holds no command' });
});
