import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { Jobs } from './jobs.ts';
import { ArgumentError, readArguments } from './main-arguments.ts';
import { neverReached, probesIn } from './main-probes.ts';
import { generatePlan } from './plan.ts';

test('arguments: one seed, many, a file, help', (t) => {
  t.deepEqual(readArguments(['--seed', '7']), { type: 'replaySeed', seed: 7 });
  t.deepEqual(readArguments(['--plan', 'a.json']), { type: 'replayPlan', path: 'a.json' });
  t.deepEqual(readArguments(['--help']), { type: 'help' });
  t.deepEqual(readArguments(['--seeds', '1..9']), { type: 'seeds', from: 1, to: 9, jobs: 1, shrinks: true });
  t.deepEqual(readArguments(['--seeds', '5..5', '--jobs', '2', '--no-shrink']), {
    ...{ type: 'seeds', from: 5, to: 5, jobs: 2, shrinks: false },
  });
});

const misunderstood = [
  [[], 'one of --seed, --seeds and --plan is needed'],
  [['--seed', '1', '--seeds', '1..2'], 'one of --seed, --seeds and --plan is needed'],
  [['--seed', 'x'], '--seed is a number from 0'],
  [['--seed', '1.5'], '--seed is a number from 0'],
  [['--seed', '4294967296'], '--seed is a number from 0'],
  [['--seeds', '7'], '--seeds is like 1..1000, not 7'],
  [['--seeds', '9..1'], '--seeds ends before it begins'],
  [['--seeds', '1..2', '--jobs', '0'], '--jobs is a number from 1'],
  [['--seed', '1', '--jobs', '2'], '--jobs and --no-shrink go with --seeds'],
  [['--sed', '1'], "Unknown option '--sed'"],
  [['1..2'], 'positional'],
] as const;

for (const [args, message] of misunderstood) {
  test(`arguments: ${args.join(' ') || 'none'} is told: ${message}`, (t) => {
    const error = t.throws(() => readArguments(args), { instanceOf: ArgumentError });
    t.true(error?.message.includes(message), error?.message);
  });
}

test('probes are found in the sources, and those that nobody reached are named', (t) => {
  const source =
    "p.sometimes('a: plain'); p.sometimes(`b: $" + "{name} was (here)`);\n  sometimes(\n    'c: next line')";
  const named = probesIn(source);
  t.deepEqual(named, ['a: plain', 'b: … was (here)', 'c: next line']);
  t.deepEqual(neverReached(named, ['b: somebody was (here)', 'a: plain and more']), ['a: plain', 'c: next line']);
});

function workerThat(t: ExecutionContext, name: string, does: string): string {
  const path = join(tmpdir(), `bazar-sim-worker-${process.pid}-${name}.mjs`);
  t.teardown(() => rmSync(path));
  writeFileSync(
    path,
    `process.on('message', (plan) => { ${does} });\nprocess.once('disconnect', () => process.exit());`,
  );
  return path;
}

const reportsSeed = "process.send({ type: 'report', report: { seed: plan.seed }, realMs: 1 })";

test('jobs: each run gets its own report, however many there are at a time', async (t) => {
  using jobs = new Jobs(2, workerThat(t, 'reports', reportsSeed));
  const results = await Promise.all([1, 2, 3, 4, 5].map((seed) => jobs.run(generatePlan(seed))));
  t.deepEqual(
    results.map(({ report }) => report.seed),
    [1, 2, 3, 4, 5],
  );
});

test('jobs: a process that dies or breaks costs its own run only', async (t) => {
  const does = `if (plan.seed === 1) process.exit(3);
    if (plan.seed === 2) process.send({ type: 'broken', message: 'no such fault' }); else ${reportsSeed};`;
  using jobs = new Jobs(1, workerThat(t, 'dies', does));
  const results = await Promise.allSettled([1, 2, 3].map((seed) => jobs.run(generatePlan(seed))));
  t.like(results, [
    { status: 'rejected', reason: { message: 'seed 1: its process ended with code 3' } },
    { status: 'rejected', reason: { message: 'seed 2: no such fault' } },
    { status: 'fulfilled', value: { report: { seed: 3 } } },
  ]);
});

test('jobs: a seed is the same run in this process and in one of its own', async (t) => {
  const plan = { ...generatePlan(3), safetyMs: 4000 };
  using jobs = new Jobs(2, fileURLToPath(new URL('seed-worker.ts', import.meta.url)));
  const [one, other] = await Promise.all([jobs.run(plan), jobs.run(plan)]);
  const again = await jobs.run(plan);
  t.is(one.report.failure, null);
  t.true(one.report.acknowledged > 40);
  t.is(other.report.traceHash, one.report.traceHash);
  t.is(again.report.traceHash, one.report.traceHash);
  const elsewhere = await jobs.run({ ...plan, seed: 4 });
  t.not(elsewhere.report.traceHash, one.report.traceHash);
});
