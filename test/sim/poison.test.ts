import { randomBytes } from 'node:crypto';
import { setTimeout as waitMs } from 'node:timers/promises';
import test from 'ava';
import { systemClock, systemRandom } from '../../src/system-clock.ts';
import { withoutTheRealWorld } from './poison.ts';

const reaches = [
  ['the time', () => systemClock.now()],
  ['a timer', () => systemClock.setTimer(1, () => {})],
  ['chance', () => systemRandom.next()],
  ['Date.now', () => Date.now()],
  ['new Date()', () => new Date()],
  ['random bytes by their imported name', () => randomBytes(1)],
  ['a timer by its imported name', () => waitMs(1)],
  ['the random numbers of the web', () => globalThis.crypto.getRandomValues(new Uint8Array(1))],
  ['process.hrtime', () => process.hrtime()],
] as const;

for (const [name, reach] of reaches) {
  test.serial(`in a run, ${name} cannot be had`, async (t) => {
    const error = await t.throwsAsync(withoutTheRealWorld(async () => void reach()));
    t.regex(error?.message ?? '', /is real, and was called in a simulated run by at .*\.ts/);
  });
}

test.serial('it is no use to catch it', async (t) => {
  await t.throwsAsync(
    withoutTheRealWorld(async () => {
      try {
        systemClock.now();
      } catch {
        return 'none';
      }
      return 'real';
    }),
  );
});

test.serial('before and after a run all is as ever', async (t) => {
  t.is(await withoutTheRealWorld(async () => new Date(0).getTime()), 0);
  t.true(systemClock.now() > 0);
  t.true(new Date() instanceof Date);
  t.not(String(new Date()), 'Invalid Date');
  t.is(randomBytes(3).length, 3);
  await waitMs(1);
});

test.serial('Node itself may go on in a run', async (t) => {
  const { createServer } = await import('node:http');
  const server = createServer();
  await withoutTheRealWorld(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await new Promise((resolve) => server.close(resolve));
  });
  t.false(server.listening);
});
