import { rm } from 'node:fs/promises';
import path from 'node:path';
import { startChild } from '../test/cluster/child.ts';
import { interruptDev } from '../test/cluster/dev.ts';
import { createHttpClient, writeOutcome } from '../test/cluster/http-client.ts';
import { freePorts } from '../test/cluster/ports.ts';
import { scratchDirectory } from '../test/cluster/scratch.ts';
import { waitFor } from '../test/cluster/wait.ts';

/** Seconds from `npm start`, on an empty data directory, to the answer to the first write. */
export async function secondsToFirstWrite(): Promise<number> {
  const directory = await scratchDirectory();
  const first = await freePorts(120);
  const port = first + 110;
  const data = path.join(directory, 'data');
  const flags = ['--data', data, '--port', `${port}`, '--base-port', `${first}`];
  const client = createHttpClient(`http://127.0.0.1:${port}`);
  const startedAt = performance.now();
  const npm = startChild(['npm', 'start', '--', ...flags], { logFile: path.join(directory, 'npm.log') });
  try {
    const acknowledged = async () => {
      if (npm.ending() !== null) throw new Error(`npm start ended: ${npm.output()}`);
      return (await writeOutcome(client.put('first', 'value'))) === 'acknowledged';
    };
    await waitFor(acknowledged, { description: 'the first write', timeoutMs: 60_000 });
    return (performance.now() - startedAt) / 1000;
  } finally {
    client.close();
    await interruptDev(data);
    await npm.ended;
    await rm(directory, { recursive: true, force: true });
  }
}
