import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChild } from '../cluster/child.ts';
import { waitFor } from '../cluster/wait.ts';
import { clusterFor, systemTest } from './system-test.ts';

const sockets = 10_000;

systemTest(`${sockets} idle sockets of another process do not stop other clients`, [], async (t) => {
  const cluster = await clusterFor(t);
  const client = cluster.client();
  const quiet = await milliseconds(async () => t.is((await client.put('quiet', 'value')).status, 201));
  const program = fileURLToPath(new URL('idle-sockets-client.ts', import.meta.url));
  const { port } = new URL(cluster.url('g1'));
  const idle = startChild([process.execPath, program, port, `${sockets}`], {
    logFile: path.join(cluster.directory, 'idle-sockets.log'),
  });
  t.teardown(async () => {
    if (idle.ending() === null) await idle.end('SIGKILL');
  });
  await waitFor(() => idle.output().includes(`${sockets} sockets are open`), {
    description: `${sockets} sockets to be open`,
    timeoutMs: 60_000,
    detail: () => idle.output(),
  });
  const samples: number[] = [];
  for (let write = 0; write < 200; write += 1) {
    samples.push(await milliseconds(async () => t.is((await client.put(`crowded/${write}`, 'value')).status, 201)));
  }
  const fresh = await fetch(`${cluster.url('g1')}/v1/kv/quiet`);
  t.is(await fresh.text(), 'value', 'a new connection is served too');
  t.is(idle.ending(), null, 'the sockets were open all the while');
  samples.sort((a, b) => a - b);
  t.log(
    `a write took ${quiet.toFixed(1)} ms before; beside ${sockets} idle sockets p50 ${samples[100]?.toFixed(1)} ms, max ${samples[199]?.toFixed(1)} ms`,
  );
  t.true((samples[199] ?? Number.POSITIVE_INFINITY) < 2_000);
});

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
