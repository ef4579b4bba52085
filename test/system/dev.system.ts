import { rm } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { type Child, repository, startChild } from '../cluster/child.ts';
import { mustRun } from '../cluster/command.ts';
import { devPids, isAlive } from '../cluster/dev.ts';
import { createHttpClient, json, writeOutcome } from '../cluster/http-client.ts';
import { freePorts } from '../cluster/ports.ts';
import { scratchDirectory, sweepScratch } from '../cluster/scratch.ts';
import { waitFor } from '../cluster/wait.ts';
import { systemTest } from './system-test.ts';

/** Where a dev runs; another one can follow it there. */
interface Place {
  readonly data: string;
  readonly port: number;
  readonly basePort: number;
}

interface Dev {
  readonly child: Child;
  readonly place: Place;
  readonly url: string;
  /** Of all that dev has started, as dev.json has them now. */
  pids(): readonly number[];
}

systemTest('bazar dev prints what to type, what it prints works, and Ctrl-C ends everything', [], async (t) => {
  const startedAt = performance.now();
  const dev = startDev(t, await newPlace(t));
  const curls = await printedCurls(dev);
  t.log(`curls were printed after ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
  t.true(curls.length >= 3, dev.child.output());
  for (const curl of curls) {
    const printed = await mustRun(['bash', '-c', `${curl} --fail-with-body --silent --show-error`]);
    t.log(`${curl}\n${printed.trim()}`);
  }
  const pids = dev.pids();
  t.is(pids.length, 4);
  t.true(pids.every(isAlive));
  const ending = await dev.child.end('SIGINT');
  t.is(ending.code, 0);
  t.deepEqual(pids.filter(isAlive), []);
});

systemTest(
  'bazar dev restarts a replica that is killed, and keeps its data over a restart of its own',
  [],
  async (t) => {
    const dev = startDev(t, await newPlace(t));
    await printedCurls(dev);
    const client = createHttpClient(dev.url);
    t.teardown(() => client.close());
    t.is(await writeOutcome(client.put('kept', 'value')), 'acknowledged');
    const before = dev.pids();
    const victim = before[0] ?? 0;
    process.kill(victim, 'SIGKILL');
    const replaced = () => {
      const now = dev.pids();
      return now.length === 4 && !now.includes(victim) && now.every(isAlive);
    };
    await waitFor(replaced, { description: 'the killed replica to be started again' });
    t.is((await client.get('kept')).body.toString(), 'value');
    await dev.child.end('SIGINT');

    const again = startDev(t, dev.place);
    await printedCurls(again);
    const second = createHttpClient(again.url);
    t.teardown(() => second.close());
    t.is((await second.get('kept')).body.toString(), 'value');
    await again.child.end('SIGINT');
  },
);

systemTest('bazar dev fills the shop of an empty cluster, once, and not at all if it is told not to', [], async (t) => {
  const place = await newPlace(t);
  const books = async (dev: Dev): Promise<number> => {
    await printedCurls(dev);
    const client = createHttpClient(dev.url);
    t.teardown(() => client.close());
    const answer = await client.request('GET', '/v1/collections/books/items');
    if (answer.status === 200) await client.request('DELETE', '/v1/collections/books/items/9');
    await dev.child.end('SIGINT');
    return answer.status === 404 ? 0 : json<{ readonly items: readonly unknown[] }>(answer).items.length;
  };
  t.is(await books(startDev(t, place, ['--no-seed'])), 0);
  const filling = startDev(t, place);
  t.is(await books(filling), 11);
  t.true(filling.child.output().includes('11 books are in the shop; --no-seed leaves them out'));
  // What is gone stays gone.
  t.is(await books(startDev(t, place)), 10);
});

systemTest('when bazar dev is killed, what it has started ends too', [], async (t) => {
  const dev = startDev(t, await newPlace(t));
  await printedCurls(dev);
  const pids = dev.pids();
  await dev.child.end('SIGKILL');
  await waitFor(() => !pids.some(isAlive), { description: 'the children of a killed dev to end', timeoutMs: 10_000 });
  t.is(pids.length, 4);
});

systemTest('bazar dev refuses a taken port, and a data directory in use, by name', [], async (t) => {
  const dev = startDev(t, await newPlace(t));
  await printedCurls(dev);

  const sameData = startDev(t, { ...(await newPlace(t)), data: dev.place.data });
  t.not((await sameData.child.ended).code, 0);
  t.true(sameData.child.output().includes(dev.place.data), sameData.child.output());

  const taken = net.createServer();
  const port = await freePorts(1);
  await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve));
  t.teardown(() => taken.close());
  const refused = startDev(t, { ...(await newPlace(t)), port });
  t.not((await refused.child.ended).code, 0);
  t.true(refused.child.output().includes(`${port}`), refused.child.output());
  t.log(sameData.child.output().trim());
  t.log(refused.child.output().trim());
  await dev.child.end('SIGINT');
});

async function newPlace(t: ExecutionContext): Promise<Place> {
  await sweepScratch();
  const directory = await scratchDirectory();
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  // RPC from the base port on, HTTP a hundred above, and the gateway's after those.
  const basePort = await freePorts(120);
  return { data: path.join(directory, 'data'), port: basePort + 110, basePort };
}

let started = 0;

function startDev(t: ExecutionContext, place: Place, more: readonly string[] = []): Dev {
  started += 1;
  const { data, port, basePort } = place;
  const flags = ['--data', data, '--port', `${port}`, '--base-port', `${basePort}`, ...more];
  const child = startChild([process.execPath, `${repository}bin/bazar.js`, 'dev', ...flags], {
    logFile: `${data}-${started}.log`,
  });
  t.teardown(async () => {
    if (!t.passed) t.log(child.output());
    if (child.ending() === null) await child.end('SIGKILL');
  });
  return { child, place, url: `http://127.0.0.1:${port}`, pids: () => devPids(data) };
}

async function printedCurls({ child }: Dev): Promise<readonly string[]> {
  const curls = () => {
    if (child.ending() !== null) throw new Error(`dev ended: ${child.output()}`);
    const lines = child
      .output()
      .split('\n')
      .map((line) => line.trim());
    const found = lines.filter((line) => line.startsWith('curl '));
    return found.length >= 3 && /ctrl-c/i.test(child.output()) ? found : null;
  };
  return await waitFor(curls, {
    description: 'dev to print what to type',
    timeoutMs: 30_000,
    detail: () => child.output(),
  });
}
