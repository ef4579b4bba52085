import test from 'ava';
import { Nemesis } from './nemesis.ts';
import { generatePlan, type Plan } from './plan.ts';
import { FakeWorld } from './plan-fake-world.ts';
import { type Action, type Fault, type Outage, partitionShapes } from './plan-fault.ts';
import { cutOf } from './plan-partition.ts';
import { SeededRandom } from './random.ts';

const safetyMs = 20_000;
const outage: Outage = { kind: 'power', downMs: 100, again: 0, upMs: 10 };

function at(atMs: number, action: Action): Fault {
  return { ...action, atMs, choice: atMs };
}

function begin(replicas: 3 | 5, faults: readonly Fault[], changes: Partial<Plan> = {}) {
  const world = new FakeWorld(replicas, 2);
  const plan: Plan = {
    ...generatePlan(1),
    replicas,
    gateways: 2,
    safetyMs,
    survivors: 'everybody',
    faults,
    ...changes,
  };
  const nemesis = new Nemesis(world, plan);
  nemesis.start();
  const until = (ms: number) => world.kernel.run(ms);
  return { world, nemesis, until, plan };
}

const leaderIsolated = (durationMs: number) => ({ type: 'partition', shape: 'leaderIsolated', durationMs }) as const;

test('partitions that overlap heal one by one', async (t) => {
  const { world, until } = begin(3, [
    at(100, leaderIsolated(400)),
    at(300, { type: 'partition', shape: 'allApart', durationMs: 600 }),
  ]);
  await until(200);
  t.deepEqual([...world.network.blocked].sort(), ['r1 r2', 'r1 r3', 'r2 r1', 'r3 r1']);
  await until(400);
  t.is(world.network.blocked.size, 6);
  await until(600);
  t.is(world.network.blocked.size, 6, 'the first is over, and all its links are cut by the second');
  await until(1000);
  t.is(world.network.blocked.size, 0);
});

test('of two partitions, only the links of the one that is over are healed', async (t) => {
  const { world, until } = begin(3, [
    at(100, { type: 'partition', shape: 'allApart', durationMs: 300 }),
    at(200, leaderIsolated(1000)),
  ]);
  await until(500);
  t.deepEqual([...world.network.blocked].sort(), ['r1 r2', 'r1 r3', 'r2 r1', 'r3 r1']);
});

test('a partition is of the cluster as it is at the moment', async (t) => {
  const { world, until } = begin(5, [at(100, leaderIsolated(50))]);
  world.leaderId = 'r4';
  await until(120);
  t.true(world.network.blocked.has('r4 r5'));
  t.false(world.network.blocked.has('r1 r2'));
});

test('every shape cuts something, and leaves a leader to be found wherever it should', (t) => {
  const replicas = ['r1', 'r2', 'r3', 'r4', 'r5'];
  for (const shape of partitionShapes) {
    const scene = { replicas, gateways: ['g1', 'g2'], clients: ['client:1'], leader: 'r2' };
    for (let choice = 0; choice < 50; choice++) {
      const { links } = cutOf(shape, scene, new SeededRandom(choice));
      const cut = new Set(links.map(([from, to]) => `${from} ${to}`));
      t.true(cut.size > 0 && cut.size === links.length && links.every(([from, to]) => from !== to), shape);
      const hears = (one: string, other: string) => !cut.has(`${one} ${other}`) && !cut.has(`${other} ${one}`);
      const reach = replicas.map((one) => replicas.filter((other) => hears(one, other)).length);
      if (shape === 'majoritiesRing') t.deepEqual(reach, [3, 3, 3, 3, 3]);
      else if (shape === 'allApart') t.deepEqual(reach, [1, 1, 1, 1, 1]);
      else t.true(Math.max(...reach) >= 3, shape);
      if (shape === 'bridge') t.is(reach.filter((count) => count === 5).length, 1);
      if (shape === 'leaderIsolated') t.false(links.flat().includes('g1'));
      if (shape === 'gatewaysWithoutLeader') t.true(links.every((link) => link.includes('r2') && /g/.test(`${link}`)));
    }
  }
});

test('flapping cuts and heals again and again, and leaves nothing behind', async (t) => {
  const { world, until } = begin(3, [
    at(0, { type: 'flapping', shape: 'leaderIsolated', periodMs: 100, durationMs: 2000 }),
  ]);
  let changes = 0;
  let before = 0;
  for (let ms = 10; ms < 2000; ms += 10) {
    await until(ms);
    if (world.network.blocked.size !== before) changes++;
    before = world.network.blocked.size;
  }
  t.true(changes > 10, `${changes}`);
  await until(2500);
  t.is(world.network.blocked.size, 0);
});

test('a gateway is slow for a while, or hears and says little, or in a storm', async (t) => {
  const calm = { lossProbability: 0, duplicateProbability: 0, lateProbability: 0, lateMs: 0, extraDelayMs: 0 };
  const { world, until } = begin(3, [
    at(100, { type: 'slowGateway', gateway: 2, eventMs: 7, durationMs: 200 }),
    at(100, { type: 'gatewayClog', gateway: 1, direction: 'in', capacity: 3, durationMs: 200 }),
    at(100, { type: 'gatewayStorm', gateway: 2, ...calm, lossProbability: 0.3, durationMs: 200 }),
  ]);
  await until(150);
  t.deepEqual(
    world.gateways.map(({ life }) => life?.eventMs),
    [0, 7],
  );
  t.deepEqual([...world.network.clogged].sort(), ['g2 g1', 'r1 g1', 'r2 g1', 'r3 g1']);
  t.is(world.network.conditionsOf('r1', 'g2')?.lossProbability, 0.3);
  t.is(world.network.conditionsOf('r1', 'g1'), null);
  await until(400);
  t.is(world.network.ofLinks.size, 0);
  t.is(world.gateways[1]?.life?.eventMs, 0);
  t.is(world.network.clogged.size, 0);
});

test('a rotation keeps one replica cut off, another at each turn, and leaves nothing behind', async (t) => {
  const { world, until } = begin(3, [at(0, { type: 'rotation', whom: 'anybody', periodMs: 100, durationMs: 3000 })]);
  const alone = new Set<string>();
  for (let ms = 10; ms < 3000; ms += 10) {
    await until(ms);
    const links = [...world.network.blocked].map((link) => link.split(' '));
    const [one] = world.replicas.map(({ id }) => id).filter((id) => links.every((link) => link.includes(id)));
    t.is(links.length, 4);
    if (one !== undefined) alone.add(one);
  }
  t.is(alone.size, 3);
  await until(3500);
  t.is(world.network.blocked.size, 0);
});

test('a swizzle cuts all off one by one, and joins them again', async (t) => {
  const { world, until } = begin(5, [at(0, { type: 'swizzle', stepMs: 100 })]);
  const sizes: number[] = [];
  for (let step = 0; step < 10; step++) {
    await until(step * 100 + 50);
    sizes.push(world.network.blocked.size);
  }
  const [cutting, healing] = [sizes.slice(0, 5), sizes.slice(5)];
  t.deepEqual(
    cutting,
    [...new Set(cutting)].sort((a, b) => a - b),
    'more with every step',
  );
  t.true((healing[0] ?? 0) < (cutting[4] ?? 0));
  t.deepEqual(
    healing,
    [...new Set(healing)].sort((a, b) => b - a),
    'fewer with every step',
  );
  await until(1100);
  t.is(world.network.blocked.size, 0);
});

test('storms add up, and each ends by itself', async (t) => {
  const calm = { lossProbability: 0, duplicateProbability: 0, lateProbability: 0, lateMs: 0, extraDelayMs: 0 };
  const network = { ...calm, delayMs: [1, 2] as const };
  const { world, until } = begin(
    3,
    [
      at(100, { type: 'storm', scope: 'everywhere', ...calm, lossProbability: 0.2, durationMs: 500 }),
      at(200, { type: 'storm', scope: 1, ...calm, extraDelayMs: 50, durationMs: 1000 }),
    ],
    { network },
  );
  await until(300);
  t.like(world.network.conditionsOf('r2', 'r3'), { lossProbability: 0.2, delayMs: [1, 2] });
  t.like(world.network.conditionsOf('r2', 'r1'), { lossProbability: 0.2, delayMs: [1, 52] });
  await until(700);
  t.like(world.network.conditionsOf('r2', 'r3'), { lossProbability: 0 });
  t.like(world.network.conditionsOf('r1', 'g1'), { lossProbability: 0, delayMs: [1, 52] });
  await until(1300);
  t.like(world.network.conditionsOf('r1', 'g1'), { delayMs: [1, 2] });
});

test('whom two crashes keep down is up when both are over', async (t) => {
  const { world, until } = begin(3, [
    at(100, { type: 'crash', target: 2, outage: { ...outage, downMs: 500 } }),
    at(200, { type: 'crash', target: 2, outage }),
  ]);
  await until(400);
  t.deepEqual(world.running, ['r1', 'r3']);
  await until(700);
  t.deepEqual(world.running, ['r1', 'r2', 'r3']);
});

test('a crash loop goes down as often as it says', async (t) => {
  const { world, until } = begin(3, [at(100, { type: 'crash', target: 3, outage: { ...outage, again: 3 } })]);
  await until(2000);
  t.deepEqual(world.replica('r3').crashes, ['power', 'power', 'power', 'power']);
  t.not(world.replica('r3').life, null);
});

const crashAtWrite = (nth: number, changes: Partial<Outage> = {}) =>
  ({ type: 'crashAtWrite', target: 2, nth, moment: 'after', outage: { ...outage, ...changes } }) as const;

test('a crash at a write comes with that write, and counts when it comes', async (t) => {
  const { world, nemesis, until } = begin(3, [at(100, crashAtWrite(2))]);
  const { disk, crashes } = world.replica('r2');
  await until(200);
  disk.write();
  t.is(nemesis.done, 0);
  disk.write();
  t.deepEqual(crashes, ['power']);
  t.is(nemesis.done, 1);
  t.is(world.replica('r2').life, null);
  await until(310);
  t.not(world.replica('r2').life, null);
});

test('a crash soon after a write waits until its process has heard of it', async (t) => {
  const { world, until } = begin(3, [at(100, { ...crashAtWrite(1), moment: 'heard' })]);
  await until(200);
  world.replica('r2').disk.write();
  t.deepEqual(world.replica('r2').crashes, []);
  await until(230);
  t.deepEqual(world.replica('r2').crashes, ['power']);
});

test('a write that does not come in time ends the fault, and is no fault that was carried out', async (t) => {
  const { world, nemesis, until } = begin(3, [at(100, crashAtWrite(2))]);
  await until(200);
  world.replica('r2').disk.write();
  await until(4000);
  t.is(world.skipped.length, 1);
  world.replica('r2').disk.write();
  t.deepEqual(world.replica('r2').crashes, []);
  t.is(nemesis.done, 0);
});

test('again and again: each new life crashes at one of its first writes, if it comes to it', async (t) => {
  const { world, nemesis, until } = begin(3, [at(100, crashAtWrite(1, { again: 2, upMs: 1000 }))]);
  const { disk, crashes } = world.replica('r2');
  for (let ms = 200; ms < 2000; ms += 10) {
    await until(ms);
    if (world.replica('r2').life !== null) disk.write();
  }
  t.is(crashes.length, 3);
  t.is(nemesis.done, 1);
  t.not(world.replica('r2').life, null);

  const idle = begin(3, [at(100, crashAtWrite(1, { again: 2, upMs: 1000 }))]);
  await idle.until(200);
  idle.world.replica('r2').disk.write();
  await idle.until(1500);
  for (let writes = 0; writes < 50; writes++) idle.world.replica('r2').disk.write();
  t.is(idle.world.replica('r2').crashes.length, 1);
});

test('healing takes back a crash at a write that has not come', async (t) => {
  const { world, nemesis, until } = begin(3, [at(19_000, crashAtWrite(1))]);
  await until(safetyMs);
  nemesis.heal();
  world.replica('r2').disk.write();
  t.deepEqual(world.replica('r2').crashes, []);
});

test('a rotation brings slow disks, late packets and full disks along, and takes them away', async (t) => {
  const { world, until } = begin(
    3,
    [
      at(100, {
        type: 'rotation',
        whom: 'leader',
        periodMs: 1000,
        durationMs: 3000,
        extraMs: 80,
        lateMs: 700,
        fullMs: 400,
      }),
    ],
    { network: { delayMs: [1, 2], lossProbability: 0, duplicateProbability: 0, lateProbability: 0, lateMs: 0 } },
  );
  const disks = world.replicas.map(({ disk }) => disk);
  await until(200);
  for (const disk of disks) t.like(disk, { extraMs: 80, full: true });
  t.is(world.network.conditions?.lateMs, 700);
  t.true((world.network.conditions?.lateProbability ?? 0) > 0);
  await until(600);
  for (const disk of disks) t.like(disk, { extraMs: 80, full: false });
  await until(3500);
  for (const disk of disks) t.like(disk, { extraMs: 0, full: false });
  t.is(world.network.conditions?.lateProbability, 0);
});

test('a rotation makes room before the disks are full anew, and none stays full behind it', async (t) => {
  const rotation: Action = { type: 'rotation', whom: 'leader', periodMs: 1000, durationMs: 4000, fullMs: 790 };
  const { world, until } = begin(3, [{ ...rotation, atMs: 0, choice: 179 }]);
  await until(19_000);
  t.deepEqual(
    world.replicas.map(({ disk }) => disk.full),
    [false, false, false],
  );
});

test('a rotation with crashes crashes whoever is joined again, at a write of its', async (t) => {
  const { nth, moment } = crashAtWrite(2);
  const { world, until } = begin(3, [
    at(100, { type: 'rotation', whom: 'leader', periodMs: 500, durationMs: 3000, crash: { nth, moment, outage } }),
  ]);
  await until(200);
  world.leaderId = 'r3';
  for (const { disk } of world.replicas) disk.write();
  await until(760);
  for (const { disk } of world.replicas) disk.write();
  t.deepEqual(world.running, ['r1', 'r2', 'r3']);
  for (const { disk } of world.replicas) disk.write();
  t.deepEqual(world.running, ['r2', 'r3']);
});

test('when a fault’s crash comes does not depend on the crashes of other faults', async (t) => {
  const crash = { nth: 1, moment: 'heard', outage } as const;
  const other = at(100, { type: 'damage', target: 2, part: 'state', kind: 'rot', outage, crash });
  const deposition = at(1000, { type: 'deposition', durationMs: 1000, crash });
  const crashedAt = async (faults: readonly Fault[]): Promise<number> => {
    const { world, until } = begin(3, faults);
    await until(2100);
    world.replica('r1').disk.write();
    let ms = 2100;
    for (; world.replica('r1').life !== null; ms += 0.1) await until(ms);
    return ms;
  };
  t.is(await crashedAt([other, deposition]), await crashedAt([deposition]));
});

test('a deposed leader has kept the gateways; joined again it crashes at a write, or loses its tail', async (t) => {
  const { nth, moment } = crashAtWrite(1);
  const crash = { nth, moment, outage };
  const { world, until } = begin(3, [
    at(100, { type: 'deposition', durationMs: 1000, crash }),
    at(5000, { type: 'deposition', durationMs: 1000, extraMs: 300, crash, losesTail: true }),
  ]);
  await until(500);
  for (const other of ['r2', 'r3']) {
    for (const one of ['r1', 'g1']) t.true(world.network.blocked.has(`${one} ${other}`), `${one} ${other}`);
  }
  t.false(world.network.blocked.has('g1 r1'));
  await until(1200);
  t.is(world.network.blocked.size, 0);
  t.deepEqual(world.running, ['r1', 'r2', 'r3']);
  world.replica('r1').disk.write();
  t.deepEqual(world.running, ['r2', 'r3']);
  await until(5500);
  t.is(world.replica('r1').disk.extraMs, 300);
  await until(6200);
  t.is(world.replica('r1').disk.extraMs, 300);
  t.deepEqual(world.replica('r1').disk.deeds, []);
  world.replica('r1').disk.write();
  t.deepEqual(world.replica('r1').disk.deeds, ['damage log lostTail']);
  await until(6400);
  t.is(world.replica('r1').disk.extraMs, 0);
});

const usurpation = { type: 'usurpation', leadMs: 400, pauseMs: 50, durationMs: 500 } as const;

test('a usurper has lost the leader, who keeps a gateway; the voters have written nothing, and start again', async (t) => {
  const { world, until } = begin(3, [at(100, { ...usurpation, how: 'votersRestart' })]);
  const { network } = world;
  const [next, voter] = ['r2', 'r3'] as const;
  await until(300);
  const usurper = network.blocked.has(`r1 ${next}`) ? next : voter;
  const other = usurper === next ? voter : next;
  const loyal = network.blocked.has('g1 r1') ? 'g2' : 'g1';
  const disloyal = loyal === 'g1' ? 'g2' : 'g1';
  t.deepEqual(
    [...network.blocked].sort(),
    [`r1 ${usurper}`, `${usurper} r1`, `r1 ${disloyal}`, `${disloyal} r1`].sort(),
  );
  t.is(world.replica(other).disk.stalledMs, 400);
  t.deepEqual(world.running, ['r1', 'r2', 'r3']);
  await until(520);
  t.deepEqual(network.hungUp, [other]);
  t.deepEqual(world.running, ['r1', usurper].sort());
  await until(560);
  t.deepEqual(world.running, ['r1', 'r2', 'r3']);
  for (const replica of [usurper, other]) {
    for (const one of ['r1', loyal]) t.true(network.blocked.has(`${one} ${replica}`), `${one} ${replica}`);
  }
  t.false(network.blocked.has(`${loyal} r1`));
  await until(1100);
  t.is(network.blocked.size, 0);
});

test('what an old leader hears late has left before the cut, and nothing comes after it', async (t) => {
  const { world, until } = begin(3, [at(100, { ...usurpation, how: 'lateAnswers' })]);
  const { network } = world;
  await until(300);
  t.deepEqual([...network.clogged].sort(), ['r2 r1', 'r3 r1']);
  t.is(network.blocked.size, 0);
  await until(520);
  t.true(network.blocked.has('r1 r2'));
  t.false(network.blocked.has('r2 r1'));
  await until(560);
  t.is(network.clogged.size, 0);
  t.true(network.blocked.has('r2 r1'));
  await until(1100);
  t.is(network.blocked.size, 0);
});

test('an old leader sleeps from the cut on, or not at all', async (t) => {
  const { world, until } = begin(3, [
    at(100, { ...usurpation, how: 'plain' }),
    at(5000, { ...usurpation, how: 'leaderSleeps' }),
  ]);
  await until(4000);
  t.deepEqual(world.replica('r1').life?.pausesMs, []);
  await until(5450);
  t.deepEqual(world.replica('r1').life?.pausesMs, [50]);
});

test('a gateway is alone in one direction or both, asleep, or with another time', async (t) => {
  const { world, until } = begin(3, [
    at(100, { type: 'gatewayAlone', gateway: 1, direction: 'in', sleepMs: 30, durationMs: 100 }),
    at(300, { type: 'gatewayAlone', gateway: 2, direction: 'both', wallStepMs: -80, durationMs: 100 }),
  ]);
  await until(150);
  t.deepEqual([...world.network.blocked].sort(), ['r1 g1', 'r2 g1', 'r3 g1']);
  t.deepEqual(world.gateways[0]?.life?.pausesMs, [30]);
  await until(350);
  t.is(world.network.blocked.size, 6);
  t.is(world.gateways[1]?.life?.wallStepMs, -80);
  t.is(world.gateways[0]?.life?.wallStepMs, 0);
  await until(450);
  t.is(world.network.blocked.size, 0);
});

test('nobody reads at a gateway at rest, as long as one rest of it lasts', async (t) => {
  const rest = { type: 'gatewayRest', gateway: 2 } as const;
  const { world, until } = begin(3, [at(100, { ...rest, durationMs: 100 }), at(150, { ...rest, durationMs: 100 })]);
  const rests: (number | undefined)[] = [];
  for (const untilMs of [50, 120, 170, 220, 300]) {
    await until(untilMs);
    rests.push(world.gateways[1]?.rests);
  }
  t.deepEqual(rests, [0, 1, 2, 1, 0]);
  t.is(world.gateways[0]?.rests, 0);
});

test('the stream is slow from everybody, answers from those that do not lead', async (t) => {
  const slow = { type: 'slowPackets', gateway: 1, extraMs: 40, durationMs: 100 } as const;
  const { world, until } = begin(3, [at(100, { ...slow, kind: 'push' }), at(300, { ...slow, kind: 'answer' })]);
  await until(150);
  t.deepEqual(
    [...world.network.slow],
    [
      ['push r1 g1', 40],
      ['push r2 g1', 40],
      ['push r3 g1', 40],
    ],
  );
  await until(350);
  t.deepEqual(
    [...world.network.slow],
    [
      ['answer r2 g1', 40],
      ['answer r3 g1', 40],
    ],
  );
  await until(450);
  t.is(world.network.slow.size, 0);
});

test('slowness and clocks stay with the machine when its process starts again', async (t) => {
  const { world, until } = begin(3, [
    at(100, { type: 'slowProcess', target: 1, eventMs: 5, durationMs: 1000 }),
    at(100, { type: 'clockRate', target: 1, rate: 1.05, durationMs: 1000 }),
    at(200, { type: 'crash', target: 1, outage }),
  ]);
  await until(500);
  t.like(world.replica('r1').life, { eventMs: 5, rate: 1.05 });
  await until(1500);
  t.is(world.replica('r1').life?.eventMs, 0);
  t.not(world.replica('r1').life?.rate, 1.05);
});

test('to heal a failing disk does not heal a slow and full one', async (t) => {
  const { world, until } = begin(3, [
    at(100, { type: 'slowDisk', target: 1, extraMs: 30, durationMs: 2000 }),
    at(100, { type: 'fullDisk', target: 1, durationMs: 2000 }),
    at(200, { type: 'stalledDisk', target: 1, durationMs: 1000 }),
    at(300, { type: 'failingWrites', target: 1, code: 'EIO', count: 1, durationMs: 400 }),
  ]);
  await until(400);
  t.like(world.replica('r1'), { excused: true, disk: { failing: true } });
  await until(800);
  t.like(world.replica('r1').disk, { failing: false, extraMs: 30, full: true, stalledMs: 500 });
  await until(2500);
  t.like(world.replica('r1').disk, { extraMs: 0, full: false });
});

test('no more than a minority is lost', async (t) => {
  const { world, until, nemesis } = begin(5, [
    at(100, { type: 'wipe', target: 1, outage }),
    at(200, { type: 'witnessDamage', target: 2, which: 'both', how: 'rot', outage }),
    at(300, { type: 'wipe', target: 3, outage }),
    at(400, { type: 'damage', target: 4, part: 'log', kind: 'lostTail', outage }),
    at(500, { type: 'damage', target: 4, part: 'state', kind: 'rot', outage }),
  ]);
  await until(1000);
  t.deepEqual(
    world.replicas.map(({ disk }) => disk.deeds),
    [['wipe'], ['damage witness both rot'], [], ['damage state rot'], []],
  );
  t.is(world.skipped.length, 2);
  t.is(nemesis.done, 3);
  t.deepEqual(world.damaged, ['r1', 'r2'], 'the state holds no promises');
  t.deepEqual(
    world.replicas.map(({ lost }) => lost),
    [true, true, false, false, false],
    'nobody else may refuse to start for good',
  );
});

test('a log is damaged only while the others are in order, and the same one only when it is in order again', async (t) => {
  const damage = (target: number) => ({ type: 'damage', target, part: 'log', kind: 'lostTail', outage }) as const;
  const { world, until } = begin(3, [
    at(100, damage(1)),
    at(150, damage(2)),
    at(300, damage(1)),
    at(400, damage(2)),
    at(600, damage(2)),
  ]);
  await until(250);
  t.is(world.skipped.length, 1, 'the first one is still down');
  world.replica('r1').isRecovering = true;
  await until(500);
  t.is(world.skipped.length, 3, 'it is recovering');
  world.replica('r1').isRecovering = false;
  await until(1000);
  t.is(world.skipped.length, 3);
  t.deepEqual(
    world.replicas.map(({ disk }) => disk.deeds.length),
    [1, 1, 0],
  );
});

test('log and witness are put back only where the state shows that they are old', async (t) => {
  const copy = { type: 'staleCopy', target: 1, part: 'log and witness', ageMs: 500, outage } as const;
  const idle = begin(3, [at(100, copy)]);
  await idle.until(1000);
  t.is(idle.world.skipped.length, 1);
  t.deepEqual(idle.world.replica('r1').disk.deeds, []);

  const busy = begin(3, [at(100, copy)]);
  await busy.until(300);
  busy.world.replica('r1').appliedIndex = 11;
  await busy.until(1000);
  t.deepEqual(busy.world.replica('r1').disk.deeds, ['restore log and witness']);

  const harmed = begin(3, [at(50, { type: 'damage', target: 1, part: 'state', kind: 'rot', outage }), at(300, copy)]);
  await harmed.until(400);
  harmed.world.replica('r1').appliedIndex = 11;
  await harmed.until(1000);
  t.deepEqual(harmed.world.replica('r1').disk.deeds, ['damage state rot']);
});

test('nobody is wiped before another one knows it', async (t) => {
  const { world, until } = begin(3, [at(100, { type: 'wipe', target: 1, outage })]);
  for (const replica of world.replicas) replica.lastIndex = 0;
  await until(1000);
  t.is(world.skipped.length, 1);
});

test('healing ends everything at once', async (t) => {
  const calm = { lossProbability: 0, duplicateProbability: 0, lateProbability: 0, lateMs: 0, extraDelayMs: 0 };
  const { world, nemesis, until } = begin(5, [
    at(100, { type: 'partition', shape: 'allApart', durationMs: 60_000 }),
    at(100, { type: 'flapping', shape: 'leaderIsolated', periodMs: 300, durationMs: 60_000 }),
    at(100, { type: 'clog', target: 1, direction: 'both', capacity: 3, durationMs: 60_000 }),
    at(100, { type: 'storm', scope: 'everywhere', ...calm, lossProbability: 0.3, durationMs: 60_000 }),
    at(100, { type: 'storm', scope: 2, ...calm, lossProbability: 0.3, durationMs: 60_000 }),
    at(100, { type: 'slowDisk', target: 3, extraMs: 100, durationMs: 60_000 }),
    at(100, { type: 'crash', target: 'majority', outage: { ...outage, downMs: 60_000 } }),
    at(100, { type: 'gatewayCrash', gateway: 1, downMs: 60_000 }),
    at(200, { type: 'staleCopy', target: 4, part: 'log', ageMs: 30_000, outage }),
  ]);
  await until(safetyMs);
  t.true(world.network.blocked.size > 0 && world.network.clogged.size > 0 && world.running.length < 5);
  t.deepEqual(nemesis.heal(), ['r1', 'r2', 'r3', 'r4', 'r5']);
  await until(100_000);
  t.is(world.network.blocked.size + world.network.clogged.size + world.network.ofLinks.size, 0);
  t.like(world.network.conditions, { lossProbability: 0, duplicateProbability: 0, lateProbability: 0 });
  t.is(world.replica('r3').disk.extraMs, 0);
  t.is(world.running.length, 5);
  t.true(world.gateways.every(({ life }) => life !== null));
  t.deepEqual(world.replica('r4').disk.deeds, []);
});

test('if only a quorum is healed, it is one of replicas that have all they promised', async (t) => {
  for (let seed = 1; seed <= 40; seed++) {
    const faults = [
      at(100, { type: 'wipe', target: 2, outage }),
      at(500, { type: 'damage', target: 4, part: 'log', kind: 'hole', outage: { ...outage, downMs: 60_000 } }),
    ];
    const { world, nemesis, until } = begin(5, faults, { seed, survivors: 'quorum', outcasts: 'down' });
    await until(safetyMs);
    nemesis.heal();
    await until(safetyMs + 1000);
    t.deepEqual(world.running, ['r1', 'r3', 'r5']);
  }
});

test('those who are not healed may run, cut off from the others in one direction or in both', async (t) => {
  for (const [outcasts, inwards, outwards] of [
    ['isolated', 6, 6],
    ['deaf', 6, 0],
    ['mute', 0, 6],
  ] as const) {
    const { world, nemesis, until } = begin(5, [], { survivors: 'quorum', outcasts });
    await until(safetyMs);
    const survivors = nemesis.heal();
    await until(safetyMs + 1000);
    const links = [...world.network.blocked].map((link) => link.split(' '));
    t.is(survivors.length, 3);
    t.is(world.running.length, 5);
    t.is(links.filter(([from = '', to = '']) => survivors.includes(from) && !survivors.includes(to)).length, inwards);
    t.is(links.filter(([from = '', to = '']) => !survivors.includes(from) && survivors.includes(to)).length, outwards);
  }
});

test('while nobody has a first entry, everybody is healed', (t) => {
  const { world, nemesis } = begin(5, [], { survivors: 'quorum', outcasts: 'down' });
  for (const replica of world.replicas) replica.lastIndex = 0;
  t.is(nemesis.heal().length, 5);
});

test('no pause outlasts the faults', async (t) => {
  const { world, until } = begin(3, [at(19_000, { type: 'pause', target: 1, durationMs: 9000 })]);
  await until(19_500);
  t.deepEqual(world.replica('r1').life?.pausesMs, [1000]);
});
