/** The log against a naive model of it, under random operations. */
import test from 'ava';
import { InvariantError } from '../../src/raft/assert.ts';
import { entryBytes, RaftLog } from '../../src/raft/log.ts';
import type { Entry, EntryId, Index, LogState, Term } from '../../src/raft/types.ts';
import { beforeTheLog, index } from '../../src/raft/types.ts';
import { configurationOf, uuidOf } from './memory-disk.ts';
import { entries, entry, entryId } from './replica.ts';
import { SeededRandom } from './seeded-random.ts';

const bootstrap = configurationOf(['r1']);

function emptyState(base: EntryId): LogState {
  return {
    hardState: { currentTerm: base.term, votedFor: null, claim: null },
    base,
    last: base,
    termStarts: [],
    configurations: [],
    bootId: 1,
    uuid: uuidOf('r1'),
  };
}

/** Arrays, and a disk that holds exactly what completed batches have written. */
class Model {
  readonly base: EntryId;
  readonly log: Entry[] = [];
  disk: readonly Entry[] = [];
  batch: { readonly truncateFrom: Index | null; readonly entries: readonly Entry[] } | null = null;

  constructor(base: EntryId) {
    this.base = base;
  }

  get last(): EntryId {
    const last = this.log.at(-1);
    return last === undefined ? this.base : { term: last.term, index: last.index };
  }

  term(at: number): Term | undefined {
    return at === this.base.index ? this.base.term : this.log[at - this.base.index - 1]?.term;
  }

  /** Disk and memory agree so far. */
  get durableIndex(): number {
    const differs = this.log.findIndex((one, position) => this.disk[position] !== one);
    return this.base.index + (differs < 0 ? this.log.length : differs);
  }

  lastNotAbove(at: number, term: Term): number {
    for (let i = Math.min(at, this.last.index); i > this.base.index; i--) {
      if ((this.term(i) as Term) <= term) return i;
    }
    return this.base.index;
  }

  complete(): void {
    if (this.batch === null) throw new Error('no batch is on its way');
    const { truncateFrom } = this.batch;
    const kept = truncateFrom === null ? this.disk : this.disk.slice(0, truncateFrom - this.base.index - 1);
    this.disk = [...kept, ...this.batch.entries];
    this.batch = null;
  }
}

function someEntries(random: SeededRandom, last: EntryId): readonly Entry[] {
  let { term } = last;
  return Array.from({ length: random.integer(1, 5) }, (_, position) => {
    if (random.chance(0.2) || term === 0) term = (term + 1) as Term;
    const id = entryId(term, last.index + 1 + position);
    if (random.chance(0.1)) return { ...id, type: 'configuration', configuration: configurationOf([`v${id.index}`]) };
    return entry(id.term, id.index, 'x'.repeat(random.integer(0, 50)));
  });
}

function act(random: SeededRandom, log: RaftLog, model: Model): void {
  const choice = random.integer(1, 10);
  if (choice <= 4) {
    const added = someEntries(random, model.last);
    log.append(added);
    model.log.push(...added);
  } else if (choice <= 5) {
    if (model.log.length === 0) return;
    const from = random.integer(model.base.index + 1, model.last.index);
    log.truncateFrom(index(from));
    model.log.length = from - model.base.index - 1;
  } else if (choice <= 7) {
    if (model.batch === null && log.hasUnissued) model.batch = log.issue(random.integer(1, 600));
  } else if (choice <= 9) {
    if (model.batch === null) return;
    const { index: issuedIndex } = batchEnd(model);
    model.complete();
    log.batchDurable(issuedIndex);
  } else {
    const upTo = index(random.integer(model.base.index, model.last.index));
    const maxBytes = random.integer(0, 1000);
    log.evict(upTo, maxBytes);
    const next = index(firstCached(log));
    const isBounded = log.cacheBytes <= maxBytes || next > upTo || next > log.durableIndex;
    if (!isBounded) throw new Error(`evicted to ${log.cacheBytes} bytes, ${maxBytes} were allowed`);
  }
}

function batchEnd(model: Model): EntryId {
  const written = model.batch?.entries.at(-1);
  if (written !== undefined) return written;
  const kept = model.batch?.truncateFrom ?? index(model.base.index + model.disk.length + 1);
  return { term: 0 as Term, index: index(kept - 1) };
}

function firstCached(log: RaftLog): number {
  let first: number = log.lastIndex + 1;
  while (log.isCached(index(first - 1))) first--;
  return first;
}

function describe(log: RaftLog, model: Model, random: SeededRandom) {
  const positions = Array.from({ length: model.log.length + 3 }, (_, offset) => index(model.base.index + offset));
  const at = random.pick(positions);
  const term = random.integer(0, 12) as Term;
  const cachedFrom = firstCached(log);
  const cached = model.log.filter((one) => one.index >= cachedFrom);
  const configurations = model.log.flatMap((one) => (one.type === 'configuration' ? [one.configuration] : []));
  return {
    actual: {
      last: log.last,
      terms: positions.map((position) => log.term(position)),
      lastNotAbove: log.lastNotAbove(at, term),
      durableIndex: Number(log.durableIndex),
      configuration: log.configuration,
      cacheBytes: log.cacheBytes,
      cached: cached.length === 0 ? [] : log.slice(index(cachedFrom), log.lastIndex, Number.POSITIVE_INFINITY),
    },
    expected: {
      last: model.last,
      terms: positions.map((position) => model.term(position)),
      lastNotAbove: {
        index: model.lastNotAbove(at, term),
        term: model.term(model.lastNotAbove(at, term)),
      },
      durableIndex: model.durableIndex,
      configuration: configurations.at(-1) ?? bootstrap,
      cacheBytes: cached.reduce((total, one) => total + entryBytes(one), 0),
      cached,
    },
  };
}

for (const base of [beforeTheLog, entryId(3, 10)]) {
  test(`a log after ${base.term}/${base.index} does what a plain array would do`, (t) => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = new SeededRandom(seed);
      const log = new RaftLog(emptyState(base), bootstrap);
      const model = new Model(base);
      for (let step = 0; step < 100; step++) {
        act(random, log, model);
        const { actual, expected } = describe(log, model, random);
        t.deepEqual(actual as unknown, expected, `seed ${seed}, step ${step}`);
      }
    }
  });
}

test('a batch holds entries up to its bound, or a single larger one', (t) => {
  const log = new RaftLog(emptyState(beforeTheLog), bootstrap);
  log.append([entry(1, 1, 'x'.repeat(500)), ...entries(2, 1, 1, 1)]);

  const sizes: number[] = [];
  while (log.hasUnissued) sizes.push(log.issue(150).entries.length);

  t.deepEqual(sizes, [1, 2, 1]);
});

test('a slice holds entries up to its bound, but at least one', (t) => {
  const log = new RaftLog(emptyState(beforeTheLog), bootstrap);
  log.append(entries(1, 1, 1, 1, 1));

  const lengths = [1, 150, 1e9].map((maxBytes) => log.slice(index(1), index(3), maxBytes).length);

  t.deepEqual(lengths, [1, 2, 3]);
});

test('entries that do not follow the last one are refused', (t) => {
  const log = new RaftLog(emptyState(beforeTheLog), bootstrap);
  log.append(entries(1, 2));

  for (const wrong of [entry(2, 1), entry(2, 3), entry(1, 2)]) {
    t.throws(() => log.append([wrong]), { instanceOf: InvariantError, message: /cannot follow 2\/1/ });
  }
});

test('the end of the log does not keep its entry', (t) => {
  const log = new RaftLog(emptyState(beforeTheLog), bootstrap);
  log.append(entries(1, 1));

  t.deepEqual(Object.keys(log.last).sort(), ['index', 'term']);
});
