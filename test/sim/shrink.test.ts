import test from 'ava';
import type { Finding } from '../history/operation.ts';
import { generatePlan, type Plan } from './plan.ts';
import { usualCaching, usualReading } from './plan-caching.ts';
import type { Fault, WriteCrash } from './plan-fault.ts';
import { failsAlike, shrinkPlan } from './shrink.ts';

function pauses(count: number): readonly Fault[] {
  return Array.from({ length: count }, (_, at): Fault => {
    return { type: 'pause', target: 'leader', durationMs: 3000, atMs: at * 100, choice: at };
  });
}

const plan: Plan = {
  ...generatePlan(1),
  workload: { ...generatePlan(1).workload, clients: 8, staleProbability: 0.5 },
  survivors: 'quorum',
  raft: { batchBytesMax: 100 },
  caching: { ...usualCaching, cacheBytes: 9000, policy: 'ttl' },
  faults: pauses(20),
};

const quiet = () => {};

test('of many faults only those stay that are needed, as short as it takes', async (t) => {
  const needed = [3, 11];
  let tries = 0;
  const failing = async ({ faults, workload }: Plan) => {
    tries++;
    const [first, second] = needed.map((choice) => faults.find((fault) => fault.choice === choice));
    if (first?.type !== 'pause' || second?.type !== 'pause') return false;
    return first.durationMs >= 400 && second.durationMs >= 2000 && workload.clients >= 2;
  };
  const shortest = await shrinkPlan(plan, failing, quiet);
  t.deepEqual(
    shortest.faults.map(({ choice }) => choice),
    needed,
  );
  t.like(shortest.faults, [{ durationMs: 750 }, { durationMs: 3000 }]);
  t.is(shortest.workload.clients, 2);
  t.is(shortest.survivors, 'everybody');
  t.like(shortest.network, { lossProbability: 0, duplicateProbability: 0, lateProbability: 0 });
  t.deepEqual(shortest.clockRates, {});
  t.deepEqual(shortest.raft, {});
  t.deepEqual(shortest.caching, usualCaching);
  t.deepEqual(shortest.workload.reading, usualReading);
  t.is(shortest.workload.staleProbability, 0);
  t.true(tries < 150, `${tries}`);
});

test('of how clients read only that stays which is needed', async (t) => {
  const failing = async ({ workload }: Plan) => workload.reading.againProbability > 0;
  const { workload } = await shrinkPlan({ ...plan, faults: [] }, failing, quiet);
  const { againProbability } = plan.workload.reading;
  t.deepEqual(workload.reading, { ...usualReading, againProbability });
});

test('outages become shorter and fewer', async (t) => {
  const crash: Fault = {
    ...{ type: 'crash', target: 'leader', atMs: 10, choice: 1 },
    outage: { kind: 'power', downMs: 1000, again: 4, upMs: 10 },
  };
  const failing = async ({ faults: [fault] }: Plan) => fault?.type === 'crash' && fault.outage.again >= 2;
  const { faults } = await shrinkPlan({ ...plan, faults: [crash] }, failing, quiet);
  t.like(faults, [{ outage: { again: 2, downMs: 1000 } }]);
});

const crash: WriteCrash = { nth: 9, moment: 'after', outage: { kind: 'power', downMs: 1000, again: 3, upMs: 10 } };

async function shrinkFault(fault: Fault, fails: (fault: Fault) => boolean): Promise<Fault | undefined> {
  const failing = async ({ faults: [only] }: Plan) => only !== undefined && fails(only);
  return (await shrinkPlan({ ...plan, faults: [fault] }, failing, quiet)).faults[0];
}

test('what a fault brings along is left out, unless it is needed', async (t) => {
  const rotation = { type: 'rotation', whom: 'leader', periodMs: 500, durationMs: 20, atMs: 10, choice: 1 } as const;
  const troubles = { extraMs: 80, lateMs: 700, fullMs: 400, crash };
  t.deepEqual(await shrinkFault({ ...rotation, ...troubles }, (fault) => fault.type === 'rotation'), rotation);
  t.deepEqual(await shrinkFault({ ...rotation, ...troubles }, (fault) => 'lateMs' in fault && 'crash' in fault), {
    ...rotation,
    lateMs: 700,
    crash: { ...crash, nth: 1, outage: { ...crash.outage, again: 0, downMs: 15 } },
  });
  const deposition = { type: 'deposition', durationMs: 20, atMs: 10, choice: 1 } as const;
  t.deepEqual(await shrinkFault({ ...deposition, extraMs: 80, losesTail: true, crash }, () => true), deposition);
  const slowDisk = { type: 'slowDisk', target: 'leader', extraMs: 80, durationMs: 20, atMs: 10, choice: 1 } as const;
  t.deepEqual(await shrinkFault(slowDisk, () => true), slowDisk);
});

test('crashes at a write come at the first one that will do, and copies grow younger', async (t) => {
  const copy = { type: 'staleCopy', target: 'leader', part: 'log', ageMs: 4000, atMs: 10, choice: 1 } as const;
  const late = (fault: Fault) =>
    fault.type === 'staleCopy' && fault.ageMs >= 400 && (fault.crash?.outage.again ?? 0) >= 2;
  t.like(await shrinkFault({ ...copy, outage: crash.outage, crash }, late), {
    ageMs: 500,
    outage: { again: 0, downMs: 15 },
    crash: { nth: 1, outage: { again: 2, downMs: 1000 } },
  });
  const atWrite: Fault = { type: 'crashAtWrite', target: 'leader', ...crash, atMs: 10, choice: 1 };
  t.like(await shrinkFault(atWrite, () => true), { nth: 1, outage: { again: 0, downMs: 15 } });
});

test('a plan that fails without any fault has none in the end', async (t) => {
  t.deepEqual((await shrinkPlan(plan, async () => true, quiet)).faults, []);
});

test('if nothing shorter fails the plan stays as it is', async (t) => {
  t.is(await shrinkPlan(plan, async () => false, quiet), plan);
});

test('what it hands back has always failed, and the number of tries has a bound', async (t) => {
  for (const triesMax of [0, 1, 5, 17]) {
    const failed: Plan[] = [plan];
    let tries = 0;
    const failing = async (candidate: Plan) => {
      tries++;
      const fails = candidate.faults.length % 3 !== 0;
      if (fails) failed.push(candidate);
      return fails;
    };
    const shortest = await shrinkPlan(plan, failing, quiet, triesMax);
    t.true(tries <= triesMax);
    t.is(shortest, failed.at(-1) as Plan);
  }
});

test('progress tells of every try', async (t) => {
  const told: number[] = [];
  await shrinkPlan(
    plan,
    async () => false,
    ({ tries }) => told.push(tries),
    10,
  );
  t.deepEqual(
    told,
    Array.from({ length: 10 }, (_, at) => at + 1),
  );
});

test('failures are alike if the same judge says the same, whatever the names and numbers', (t) => {
  const finding = (checker: string, message: string, giveUp = false): Finding => ({ checker, message, giveUp });
  const twoLeaders = finding('invariants', 'Error: term 7 has two leaders, r1 and r2\n    at somewhere:3:4');
  t.true(failsAlike(twoLeaders, finding('invariants', 'Error: term 12 has two leaders, r3 and r2\n    at elsewhere')));
  t.false(failsAlike(twoLeaders, finding('invariants', 'Error: r1 lost entry 7')));
  t.false(failsAlike(twoLeaders, finding('liveness', twoLeaders.message)));
  t.true(failsAlike(finding('linearizability', 'key a …'), finding('linearizability', 'key b …')));
  t.false(failsAlike(finding('linearizability', 'x', true), finding('linearizability', 'x')));
});
