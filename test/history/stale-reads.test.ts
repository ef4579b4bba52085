import test from 'ava';
import {
  conditionFailed,
  done,
  get,
  got,
  gotNothing,
  history,
  ifAbsent,
  type Line,
  notApplied,
  put,
} from './hand-written.ts';
import { type LoggedWrite, loggedCondition } from './logged-write.ts';
import { checkStaleReads, type StaleReadsOptions } from './stale-reads.ts';

const stamp = { session: 1, lowestUnanswered: 1 };
const log: readonly LoggedWrite[] = [
  { index: 1, term: 1, type: 'openSession' },
  ...(['a', 'b'] as const).map((value, place): LoggedWrite => {
    const condition = loggedCondition({ type: 'none' });
    return { ...stamp, index: place + 2, term: 1, type: 'put', key: 'k', value, condition, sequence: place + 1 };
  }),
];
/** a is there from 10 ms on, b from 20 ms on. */
const writes: readonly Line[] = [
  ['c1', 5, 10, put('k', 'a'), done(2, 1)],
  ['c1', 15, 20, put('k', 'b'), done(3, 2)],
];
const rightClocks: StaleReadsOptions = { slowestRate: 1, lostMs: 0, standstills: [] };

interface Asked {
  readonly line: Line;
  readonly maxAgeMs?: number | null;
  readonly minRevision?: number;
  readonly clocks?: StaleReadsOptions;
}

function findings({ line, maxAgeMs = null, minRevision = 0, clocks = rightClocks }: Asked): readonly string[] {
  const reads = history(line).map((operation) => ({ operation, maxAgeMs, minRevision }));
  return checkStaleReads(log, history(...writes), reads, clocks).map(({ message }) => message);
}

const oldValue: Line = ['c2', 50, 60, get('k'), got('k', 'a', 2)];

const legal: readonly (readonly [title: string, asked: Asked])[] = [
  ['the newest value, said to be of this moment', { line: ['c2', 50, 60, get('k'), got('k', 'b', 3)], maxAgeMs: 0 }],
  ['an old value that may be as old', { line: oldValue, maxAgeMs: 30 }],
  ['an old value of unknown age', { line: oldValue }],
  [
    'an old value, when the new one had not been told of',
    { line: ['c2', 20, 60, get('k'), got('k', 'a', 2)], maxAgeMs: 0 },
  ],
  [
    'an old value, when the clock was slow',
    { line: oldValue, maxAgeMs: 27, clocks: { ...rightClocks, slowestRate: 0.9 } },
  ],
  [
    'an old value, when clocks had stood still since',
    { line: oldValue, maxAgeMs: 5, clocks: { ...rightClocks, standstills: [{ from: 22, to: 48 }] } },
  ],
  [
    'an old value, when a clock may have lost something',
    { line: oldValue, maxAgeMs: 25, clocks: { ...rightClocks, lostMs: 5 } },
  ],
  ['nothing, before anything was written', { line: ['c2', 50, 60, get('k'), gotNothing(1)] }],
  ['the revision that was waited for', { line: oldValue, minRevision: 2 }],
  ['no answer', { line: ['c2', 50, 60, get('k'), notApplied], maxAgeMs: 0, minRevision: 9 }],
];

for (const [title, asked] of legal) test(`a stale read may be told: ${title}`, (t) => t.deepEqual(findings(asked), []));

const illegal: readonly (readonly [title: string, message: RegExp, asked: Asked])[] = [
  [
    'a value that is older than it says, though clocks had stood still before',
    /older than 5 ms: index 3 had/,
    { line: oldValue, maxAgeMs: 5, clocks: { ...rightClocks, standstills: [{ from: 22, to: 40 }] } },
  ],
  ['a value that is older than it says', /older than 29 ms: index 3 had/, { line: oldValue, maxAgeMs: 29 }],
  ['nothing, when that is longer ago', /index 3 had/, { line: ['c2', 50, 60, get('k'), gotNothing(1)], maxAgeMs: 10 }],
  ['what lies below the revision it waited for', /revision 3 was to be/, { line: oldValue, minRevision: 3 }],
  ['what never stood there', /the log says k = a of 2/, { line: ['c2', 50, 60, get('k'), gotNothing(2)] }],
  [
    'a value at a revision where another stood',
    /the log says k = b/,
    { line: ['c2', 50, 60, get('k'), got('k', 'a', 2, 3)] },
  ],
  ['what was never committed', /the log ends at index 3/, { line: ['c2', 50, 60, get('k'), got('k', 'b', 3, 4)] }],
];

for (const [title, message, asked] of illegal) {
  test(`a stale read must not be told: ${title}`, (t) => {
    const [found = '', ...more] = findings(asked);
    t.regex(found, message);
    t.deepEqual(more, []);
  });
}

test('a condition that failed tells how far the log had come', (t) => {
  const refused: Line = ['c1', 15, 20, put('k', 'b', ifAbsent), conditionFailed(2)];
  const reads = history(['c2', 50, 60, get('k'), got('k', 'a', 2)]);
  const asked = reads.map((operation) => ({ operation, maxAgeMs: 10, minRevision: 0 }));
  const found = checkStaleReads(log, history(...writes.slice(0, 1), refused), asked, rightClocks);
  t.regex(found[0]?.message ?? '', /index 3 had been told of/);
});
