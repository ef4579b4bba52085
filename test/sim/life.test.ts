/** What happens to a process that is halted, and what its clock says. */
import test from 'ava';
import { Kernel } from './kernel.ts';

const newKernel = () => new Kernel({ afterEvent: () => {}, eventsMax: 1000 });

test('what comes due during a pause happens at its end, in order, and the clock has run on', async (t) => {
  const kernel = newKernel();
  const life = kernel.startLife('r1', 1);
  const happened: string[] = [];
  life.clock.setTimer(20, () => happened.push(`timer at ${life.clock.now()}`));
  kernel.after(10, life, 'network', () => happened.push(`message at ${life.clock.now()}`));
  life.clock.setTimer(30, () => happened.push('cancelled')).cancel();
  life.pause(100);
  await kernel.run(99);
  t.deepEqual(happened, []);
  await kernel.run(200);
  t.deepEqual(happened, ['message at 100', 'timer at 100']);
});

test('the clock of a suspended machine stands, and timers wait for what is left of their time', async (t) => {
  const kernel = newKernel();
  const life = kernel.startLife('r1', 1);
  let firedAt = 0;
  life.clock.setTimer(50, () => {
    firedAt = kernel.now;
  });
  await kernel.run(10);
  life.suspend(100);
  await kernel.run(110);
  t.is(life.clock.now(), 10);
  await kernel.run(200);
  t.is(Math.round(firedAt), 150);
});

test('a clock never runs backwards, whatever suspends it or changes its rate at the same time', async (t) => {
  const kernel = newKernel();
  const life = kernel.startLife('r1', 1.1);
  const seen: number[] = [];
  const look = async (atMs: number) => {
    await kernel.run(atMs);
    seen.push(Math.round(life.clock.now()));
  };
  await look(100);
  life.suspend(1000);
  await look(300);
  life.suspend(500);
  await look(500);
  life.setRate(0.9);
  await look(600);
  life.suspend(1000);
  await look(1600);
  await look(1700);
  t.deepEqual(seen, [110, 110, 110, 110, 110, 200]);
});

test('a wall clock runs on through a sleep, and goes on from where it is set', async (t) => {
  const kernel = newKernel();
  const life = kernel.startLife('g1', 1);
  await kernel.run(10);
  life.suspend(100);
  await kernel.run(200);
  t.is(life.clock.wallNow(), 200);
  life.setWall(-50);
  await kernel.run(210);
  t.is(life.clock.wallNow(), 160);
  t.is(life.clock.now(), 110);
});

test('of a virtual machine that is paused both clocks stand', async (t) => {
  const kernel = newKernel();
  const life = kernel.startLife('r1', 1);
  await kernel.run(10);
  life.suspend(100, 'virtual');
  await kernel.run(200);
  t.is(life.clock.now(), 100);
  t.is(life.clock.wallNow(), 100);
});

test('an event that keeps a slow process busy puts off the next ones', async (t) => {
  const kernel = newKernel();
  const life = kernel.startLife('r1', 1);
  const happenedAt: number[] = [];
  life.slowDown(10);
  for (let nth = 0; nth < 3; nth++) kernel.after(1, life, 'network', () => happenedAt.push(kernel.now));
  await kernel.run(100);
  t.deepEqual(happenedAt, [1, 11, 21]);
});
