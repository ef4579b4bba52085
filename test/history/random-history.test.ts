import test, { type ExecutionContext } from 'ava';
import { SeededRandom } from '../raft/seeded-random.ts';
import { isLinearizable } from './exhaustive.ts';
import { checkLinearizability } from './linearizability.ts';
import type { Finding, Operation, Reply } from './operation.ts';
import { type GeneratedHistory, type HistoryOptions, randomHistory } from './random-history.ts';
import { checkReplay } from './replay.ts';

const busy: HistoryOptions = {
  clients: 8,
  keys: 6,
  operations: 400,
  unknownProbability: 0.08,
  allWrites: true,
  lists: true,
  fault: 'none',
};

const plain: HistoryOptions = { ...busy, unknownProbability: 0, allWrites: false, lists: false };

const checkers = {
  linearizability: ({ operations }: GeneratedHistory) => checkLinearizability(operations),
  replay: ({ log, operations }: GeneratedHistory) => checkReplay(log, operations),
};
type Checker = keyof typeof checkers;

/** What they find in histories of these seeds, and how long one takes. */
function check(t: ExecutionContext, checker: Checker, count: number, options: HistoryOptions): readonly Finding[][] {
  let spentMs = 0;
  let operations = 0;
  let unknown = 0;
  const findings: Finding[][] = [];
  for (let seed = 1; seed <= count; seed++) {
    const history = randomHistory(new SeededRandom(seed), options);
    operations += history.operations.length;
    unknown += history.operations.filter(({ outcome }) => outcome.type === 'unknown').length;
    if (options.fault !== 'none' && history.fault === null) continue;
    const startedAt = performance.now();
    findings.push([...checkers[checker](history)]);
    spentMs += performance.now() - startedAt;
  }
  const perHistory = (spentMs / findings.length).toFixed(2);
  t.log(
    `${checker}: ${findings.length} histories, ${operations} operations, ${unknown} unknown: ${perHistory} ms each`,
  );
  return findings;
}

for (const checker of ['linearizability', 'replay'] as const) {
  test(`${checker}: nothing is wrong with what a correct store did`, (t) => {
    t.deepEqual(check(t, checker, 150, busy).flat(), []);
    t.deepEqual(check(t, checker, 20, { ...busy, keys: 1, operations: 500, unknownProbability: 0.1 }).flat(), []);
    t.deepEqual(check(t, checker, 20, { ...busy, keys: 2, unknownProbability: 0.5 }).flat(), []);
  });

  const faults = [
    ['staleRead', busy],
    ['lostWrite', plain],
    ['duplicate', busy],
  ] as const;
  for (const [fault, options] of faults) {
    test(`${checker}: one ${fault} is found`, (t) => {
      const findings = check(t, checker, 100, { ...options, fault });
      t.true(findings.length > 90);
      t.true(findings.every((found) => found.length > 0 && found.every(({ giveUp }) => !giveUp)));
    });
  }
}

test('replay: one lostWrite is found among whatever else goes on', (t) => {
  const findings = check(t, 'replay', 100, { ...busy, fault: 'lostWrite' });
  t.true(findings.length > 90);
  t.true(findings.every((found) => found.length > 0));
});

test('one stale read of one key is found among 500 operations of 8 clients, 50 of them of unknown outcome', (t) => {
  const options = {
    ...busy,
    keys: 1,
    operations: 500,
    unknownProbability: 0.1,
    lists: false,
    fault: 'staleRead',
  } as const;
  const findings = check(t, 'linearizability', 50, options);
  t.true(findings.length > 45);
  t.true(findings.every((found) => found.length > 0 && found.every(({ giveUp }) => !giveUp)));
});

test('linearizability: on small histories it says what trying every order says', (t) => {
  const counts = { good: 0, bad: 0 };
  for (let seed = 1; seed <= 6000; seed++) {
    const random = new SeededRandom(seed);
    const options = { ...busy, clients: random.integer(1, 4), keys: 1, operations: random.integer(2, 7), lists: false };
    const { operations } = randomHistory(random, { ...options, unknownProbability: random.pick([0, 0.3, 0.5]) });
    const changed = changeReplies(operations, random, random.integer(0, 2));
    const findings = checkLinearizability(changed);
    const isGood = isLinearizable(changed);
    counts[isGood ? 'good' : 'bad']++;
    if (isGood !== (findings.length === 0)) t.log(seed, changed, findings);
    t.is(findings.length === 0, isGood, `seed ${seed}`);
  }
  t.log(counts);
  t.true(counts.good > 1000 && counts.bad > 1000);
});

function changeReplies(operations: readonly Operation[], random: SeededRandom, changes: number): readonly Operation[] {
  const changed = [...operations];
  for (let nth = 0; nth < changes; nth++) {
    const place = random.integer(0, changed.length - 1);
    const operation = changed[place] as Operation;
    if (operation.outcome.type !== 'answered') continue;
    const reply = changeReply(operation.outcome.reply, operations, random);
    changed[place] = { ...operation, outcome: { type: 'answered', reply } };
  }
  return changed;
}

/** Into what might be an answer to the same question. */
function changeReply(reply: Reply, operations: readonly Operation[], random: SeededRandom): Reply {
  const near = (number: number) => Math.max(1, number + random.integer(-3, 3));
  switch (reply.type) {
    case 'got': {
      const { request, outcome } = random.pick(operations);
      if (request.type !== 'put' || random.chance(0.2)) return { ...reply, item: null };
      const known = outcome.type === 'answered' && outcome.reply.type === 'put' ? outcome.reply.revision : near(3);
      return { type: 'got', revision: 99, item: { key: request.key, value: request.value, modRevision: known } };
    }
    case 'put': {
      const version = random.chance(0.5) ? near(reply.version) : reply.version;
      return { type: 'put', revision: near(reply.revision), version, created: version === 1 };
    }
    case 'deleted':
      return random.chance(0.5) ? { type: 'notFound' } : { type: 'deleted', revision: near(reply.revision) };
    case 'notFound':
      return { type: 'deleted', revision: random.integer(1, 9) };
    case 'conditionFailed':
      return { type: 'conditionFailed', current: random.chance(0.3) ? 0 : near(reply.current) };
    case 'checked':
      return { ...reply, current: near(reply.current) };
    case 'listed':
      return reply;
  }
}
