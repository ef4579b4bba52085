import test from 'ava';
import { InvariantError } from '../../src/raft/assert.ts';
import { atLeastAsUpToDate, beforeTheLog, type EntryId, index, type ReplicaId, term } from '../../src/raft/types.ts';
import { type BootVerdict, bootVerdict, type LogEvidence } from '../../src/store/boot-verdict.ts';
import type { LogHead } from '../../src/store/log-head.ts';
import { entryIdAt } from '../../src/store/log-summary.ts';
import type { WitnessSlot } from '../../src/store/witness.ts';
import { entryId } from './log-fixture.ts';

interface HeadOptions {
  readonly last?: EntryId;
  readonly currentTerm?: number;
  readonly votedFor?: ReplicaId | null;
  readonly claim?: EntryId | null;
  readonly chainHash?: string;
}

/** In these tests an entry's chain hash is `t.i`, or what the options say. */
const hashOf = (id: EntryId): string => `${id.term}.${id.index}`;

function head(
  generation: number,
  { last = entryId(2, 8), currentTerm = 3, votedFor = null, claim = null, chainHash = hashOf(last) }: HeadOptions = {},
): LogHead {
  return { generation, hardState: { currentTerm: term(currentTerm), votedFor, claim }, last, chainHash };
}

/** `before` is the entry that the batch stands on, `entries` what it appends. */
function slot(
  generation: number,
  options: HeadOptions & { readonly entries?: number; readonly before?: EntryId; readonly truncates?: boolean } = {},
): WitnessSlot {
  const slotHead = head(generation, options);
  const { entries = 0, before = slotHead.last, truncates = false } = options;
  return {
    head: slotHead,
    truncateFrom: truncates ? index(slotHead.last.index - entries + 1) : null,
    previous: hashOf(before),
    records: Array.from({ length: entries }, () => Buffer.alloc(0)),
  };
}

const termStarts = [entryId(1, 1), entryId(2, 5)];

function log(
  meta: LogHead | null,
  options: { readonly last?: EntryId; readonly flaw?: string; readonly starts?: readonly EntryId[] } = {},
): LogEvidence {
  const { last = meta?.last ?? beforeTheLog, flaw = null, starts = termStarts } = options;
  const prefix = {
    last,
    chainHash: hashOf(last),
    termStarts: starts.filter((start) => start.index <= last.index),
    configurations: [],
  };
  return { meta, prefix, flaw, chainHashAt: (at) => hashOf(entryIdAt(prefix, at)) };
}

const flaw = 'entry 7 is missing';
const next = entryId(2, 9);

type Expected = Pick<BootVerdict, 'type'> & {
  readonly claim?: EntryId | null;
  readonly keep?: EntryId;
  readonly nextGeneration?: number;
};

const table: readonly {
  readonly name: string;
  readonly slots: readonly WitnessSlot[];
  readonly log: LogEvidence;
  readonly expected: Expected;
}[] = [
  {
    name: 'no whole slot, however whole the database',
    slots: [],
    log: log(head(10)),
    expected: { type: 'replicaLost' },
  },
  {
    name: 'a clean stop',
    slots: [slot(10), slot(9)],
    log: log(head(10)),
    expected: { type: 'normal', claim: null, nextGeneration: 11 },
  },
  {
    name: 'the older slot cannot be read',
    slots: [slot(10)],
    log: log(head(10)),
    expected: { type: 'normal', claim: null, nextGeneration: 11 },
  },
  {
    name: 'a crash after the database, before the witness; or a newest slot that is torn or rotten',
    slots: [slot(9)],
    log: log(head(10)),
    expected: { type: 'normal', claim: null, nextGeneration: 11 },
  },
  {
    name: 'the same with a batch that truncated',
    slots: [slot(9, { last: entryId(2, 8) }), slot(8)],
    log: log(head(10, { last: entryId(1, 4) })),
    expected: { type: 'normal', claim: null, nextGeneration: 11 },
  },
  {
    name: 'a crash after the witness, before the database',
    slots: [slot(11, { last: next, entries: 1, before: entryId(2, 8) }), slot(10)],
    log: log(head(10)),
    expected: { type: 'applySlot', claim: null, nextGeneration: 12 },
  },
  {
    name: 'the same with a batch that truncates',
    slots: [slot(11, { last: entryId(3, 6), entries: 2, before: entryId(1, 4), truncates: true }), slot(10)],
    log: log(head(10)),
    expected: { type: 'applySlot', claim: null },
  },
  {
    name: 'the same with a batch that only truncates',
    slots: [slot(11, { last: entryId(1, 4), truncates: true }), slot(10)],
    log: log(head(10)),
    expected: { type: 'applySlot', claim: null },
  },
  {
    name: 'the same with a batch of hard state alone',
    slots: [slot(11), slot(10)],
    log: log(head(10)),
    expected: { type: 'applySlot', claim: null },
  },
  {
    name: "the slot's batch stands on another entry than the database ends with",
    slots: [slot(11, { last: next, entries: 1, before: entryId(1, 8) })],
    log: log(head(10)),
    expected: { type: 'recovering', claim: next, keep: entryId(2, 8) },
  },
  {
    name: "the slot's batch stands behind the database's end",
    slots: [slot(11, { last: entryId(2, 12), entries: 1, before: entryId(2, 11) })],
    log: log(head(10)),
    expected: { type: 'recovering', claim: entryId(2, 12), keep: entryId(2, 8) },
  },
  {
    name: 'two batches behind',
    slots: [slot(12, { last: next, entries: 1, before: entryId(2, 8) })],
    log: log(head(10)),
    expected: { type: 'recovering', claim: next, keep: entryId(2, 8), nextGeneration: 13 },
  },
  {
    name: 'two batches ahead: a durable slot has rotted',
    slots: [slot(10, { last: entryId(2, 7) })],
    log: log(head(12)),
    expected: { type: 'recovering', claim: entryId(2, 8), keep: entryId(2, 7), nextGeneration: 13 },
  },
  {
    name: 'the same generation with another end: a database that was being rebuilt',
    slots: [slot(10)],
    log: log(head(10, { last: entryId(1, 4), claim: entryId(2, 8) })),
    expected: { type: 'recovering', claim: entryId(2, 8), keep: entryId(1, 4), nextGeneration: 11 },
  },
  {
    name: 'a rebuilt database, whose first batch is in the witness alone',
    slots: [slot(11, { last: entryId(1, 4), claim: entryId(2, 8) }), slot(10)],
    log: log(head(10, { last: entryId(1, 4), claim: entryId(2, 8) })),
    expected: { type: 'applySlot', claim: entryId(2, 8) },
  },
  {
    name: 'a rebuilt database, whose first batch is in the database alone: the claim is in its meta row',
    slots: [slot(10)],
    log: log(head(11, { last: entryId(1, 4), claim: entryId(2, 8) })),
    expected: { type: 'normal', claim: entryId(2, 8) },
  },
  {
    name: 'a claim lasts over clean stops',
    slots: [slot(12, { last: entryId(1, 4), claim: entryId(2, 8) }), slot(11)],
    log: log(head(12, { last: entryId(1, 4), claim: entryId(2, 8) })),
    expected: { type: 'normal', claim: entryId(2, 8) },
  },
  {
    name: "a claim that the log's end has reached is none",
    slots: [slot(12, { claim: entryId(2, 8) })],
    log: log(head(12, { claim: entryId(2, 8) })),
    expected: { type: 'normal', claim: null },
  },
  {
    name: 'a hole',
    slots: [slot(10)],
    log: log(head(10), { last: entryId(2, 6), flaw }),
    expected: { type: 'recovering', claim: entryId(2, 8), keep: entryId(2, 6), nextGeneration: 11 },
  },
  {
    name: 'a lost tail, with the meta row of that time',
    slots: [slot(10)],
    log: log(head(4, { last: entryId(2, 6) })),
    expected: { type: 'recovering', claim: entryId(2, 8), keep: entryId(2, 6) },
  },
  {
    name: 'a lost tail under a meta row that knows better',
    slots: [slot(10)],
    log: log(head(10), { last: entryId(2, 6) }),
    expected: { type: 'recovering', claim: entryId(2, 8), keep: entryId(2, 6) },
  },
  {
    name: 'a lost database',
    slots: [slot(10)],
    log: log(null, { flaw: 'the database cannot be opened' }),
    expected: { type: 'recovering', claim: entryId(2, 8), keep: beforeTheLog },
  },
  {
    name: 'a lost database of a replica that was recovering: the older, higher claim counts',
    slots: [slot(10, { last: entryId(2, 6), claim: entryId(2, 30) })],
    log: log(null, { flaw: 'the database cannot be opened' }),
    expected: { type: 'recovering', claim: entryId(2, 30), keep: beforeTheLog },
  },
  {
    name: 'damage while recovering, found with the claim in the meta row alone',
    slots: [slot(10, { last: entryId(2, 6) })],
    log: log(head(11, { last: entryId(2, 6), claim: entryId(2, 30) }), { last: entryId(1, 3), flaw }),
    expected: { type: 'recovering', claim: entryId(2, 30), keep: entryId(1, 3) },
  },
  {
    name: 'the claim of an older meta row is over',
    slots: [slot(10)],
    log: log(head(9, { claim: entryId(2, 30) }), { last: entryId(1, 3), flaw }),
    expected: { type: 'recovering', claim: entryId(2, 8), keep: entryId(1, 3) },
  },
  {
    name: 'a lost meta row above entries that are proven by the slot',
    slots: [slot(10)],
    log: log(null, { last: entryId(2, 8) }),
    expected: { type: 'recovering', claim: null, keep: entryId(2, 8), nextGeneration: 11 },
  },
  {
    name: 'damage behind what the slot proves: a batch that nobody was told of',
    slots: [slot(10)],
    log: log(null, { last: entryId(2, 12), flaw }),
    expected: { type: 'recovering', claim: null, keep: entryId(2, 8) },
  },
  {
    name: 'an empty log that was lost',
    slots: [slot(1, { last: beforeTheLog })],
    log: log(null, { flaw: 'the database cannot be opened' }),
    expected: { type: 'recovering', claim: null, keep: beforeTheLog },
  },
  {
    name: 'entries of a higher term that were replaced and came back do not reach the claim',
    slots: [slot(10, { last: entryId(4, 8) })],
    log: log(head(4, { last: entryId(5, 12) }), { starts: [entryId(1, 1), entryId(3, 3), entryId(5, 6)] }),
    expected: { type: 'recovering', claim: entryId(4, 8), keep: entryId(3, 5) },
  },
  {
    name: "entries of the claim's term that were replaced and came back do not reach the claim either",
    slots: [slot(10, { last: entryId(2, 8), chainHash: 'another' })],
    log: log(head(4, { last: entryId(2, 12) })),
    expected: { type: 'recovering', claim: entryId(2, 8), keep: entryId(2, 7) },
  },
  {
    name: 'both at once',
    slots: [slot(10, { last: entryId(3, 4), chainHash: 'another' })],
    log: log(head(4, { last: entryId(5, 12) }), { starts: [entryId(1, 1), entryId(3, 3), entryId(5, 6)] }),
    expected: { type: 'recovering', claim: entryId(3, 4), keep: entryId(3, 3) },
  },
];

for (const { name, slots, log: evidence, expected } of table) {
  test(name, (t) => {
    const verdict = bootVerdict(slots, evidence);
    t.is(verdict.type, expected.type);
    if (verdict.type === 'replicaLost') return;
    if (expected.nextGeneration !== undefined) t.is(verdict.nextGeneration, expected.nextGeneration);
    t.deepEqual(verdict.hardState.claim, expected.claim ?? null);
    if (verdict.type === 'recovering') t.deepEqual(verdict.keep, expected.keep);
  });
}

test('the higher term wins, within it the vote that is set', (t) => {
  const merged = (...heads: readonly [HeadOptions, HeadOptions, HeadOptions]) => {
    const verdict = bootVerdict([slot(10, heads[0]), slot(9, heads[1])], log(head(11, heads[2])));
    if (verdict.type !== 'normal') throw t.fail(verdict.type);
    return [Number(verdict.hardState.currentTerm), verdict.hardState.votedFor];
  };
  const none: HeadOptions = { currentTerm: 2, votedFor: 'r3' };
  for (const [three, other] of [
    [{ currentTerm: 5, votedFor: null }, none],
    [{ currentTerm: 5, votedFor: 'r1' }, none],
    [
      { currentTerm: 5, votedFor: 'r1' },
      { currentTerm: 5, votedFor: null },
    ],
  ] as const) {
    const expected = [5, three.votedFor];
    t.deepEqual(merged(three, other, other), expected);
    t.deepEqual(merged(other, three, other), expected);
    t.deepEqual(merged(other, other, three), expected);
  }
});

test('two votes in one term are a broken invariant', (t) => {
  const slots = [slot(10, { votedFor: 'r1' }), slot(9, { votedFor: 'r2' })];
  t.throws(() => bootVerdict(slots, log(head(10))), { instanceOf: InvariantError });
});

test('whatever is found: what a slot vouched for is kept, or claimed', (t) => {
  const ends = [beforeTheLog, entryId(1, 3), entryId(1, 4), entryId(2, 6), entryId(2, 8), entryId(2, 9)];
  const claims = [null, entryId(2, 9), entryId(3, 2)];
  let judged = 0;
  for (const slotEnd of ends) {
    for (const slotClaim of claims) {
      // An empty log has but one hash.
      for (const slotHash of slotEnd.index === 0 ? [hashOf(slotEnd)] : [hashOf(slotEnd), 'another']) {
        for (const metaGeneration of [null, 7, 8, 9, 10, 11, 12]) {
          for (const metaEnd of metaGeneration === null ? [beforeTheLog] : ends) {
            for (const prefixEnd of ends) {
              for (const flawFound of [false, true]) {
                judged++;
                const newest = slot(10, { last: slotEnd, claim: slotClaim, chainHash: slotHash });
                const meta = metaGeneration === null ? null : head(metaGeneration, { last: metaEnd });
                const evidence = log(meta, { last: prefixEnd, ...(flawFound ? { flaw } : {}) });
                const verdict = bootVerdict([newest], evidence);
                const whole = meta !== null && !flawFound && metaEnd.index === prefixEnd.index;
                if (verdict.type === 'normal' || verdict.type === 'applySlot') {
                  if (!whole || Math.abs(meta.generation - 10) > 1) t.fail('only a whole log, one batch away at most');
                } else if (verdict.type === 'recovering') {
                  const { keep, claim, hardState } = verdict;
                  if (!atLeastAsUpToDate(claim, slotEnd)) t.fail('the claim covers what the slot vouched for');
                  if (keep.index > prefixEnd.index) t.fail('only what was verified is kept');
                  const proven = prefixEnd.index >= slotEnd.index && evidence.chainHashAt(slotEnd.index) === slotHash;
                  if (proven && keep.index < slotEnd.index) t.fail('what is proven is kept');
                  if (!proven && hardState.claim === null) t.fail('without proof there is a claim');
                  if (hardState.claim !== null && atLeastAsUpToDate(keep, hardState.claim)) t.fail('below the claim');
                } else t.fail('there is a slot');
              }
            }
          }
        }
      }
    }
  }
  t.true(judged > 10_000);
});
