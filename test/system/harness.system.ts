import dgram from 'node:dgram';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { repository, startChild } from '../cluster/child.ts';
import { mustRun } from '../cluster/command.ts';
import { createNetwork, host } from '../cluster/network.ts';
import { isAbandoned } from '../cluster/owner.ts';
import { scratchDirectory, sweepScratch } from '../cluster/scratch.ts';
import { waitFor } from '../cluster/wait.ts';
import { namespaces } from './requirements.ts';
import { systemTest } from './system-test.ts';

const port = 9000;

/** Sends each datagram back, then prints it. */
const echoProgram = `
  const socket = require('node:dgram').createSocket('udp4');
  socket.on('message', (bytes, { address, port }) => {
    socket.send(bytes, port, address, () => console.log(String(bytes)));
  });
  socket.bind(${port}, () => console.log('ready'));
`;

systemTest('cuts lose packets in the directions they name, silently, and healing ends them', namespaces, async (t) => {
  const directory = await scratchDirectory();
  t.teardown(sweepOwn(directory));
  const network = await createNetwork(['a', 'b']);
  const echo = startChild(network.inside('a', [process.execPath, '-e', echoProgram]), {
    logFile: path.join(directory, 'echo.log'),
  });
  t.teardown(async () => {
    await echo.end('SIGKILL');
    await network.close();
  });
  await waitFor(() => echo.output().includes('ready'), { description: 'the echo to be ready' });
  const { send, echoed, errors } = talkTo(t, network.address('a'));
  const arrived = (word: string) => echo.output().split('\n').includes(word);

  send('whole');
  await waitFor(() => echoed.has('whole'), { description: 'an echo over a whole link' });

  await network.cut([{ from: 'a', to: host }]);
  send('one way');
  await waitFor(() => arrived('one way'), { description: 'a datagram to arrive' });

  await network.cut([{ from: host, to: 'a' }]);
  for (let datagram = 0; datagram < 10; datagram += 1) send('no way');

  await network.heal();
  send('healed');
  await waitFor(() => echoed.has('healed'), { description: 'an echo over a healed link' });
  t.false(echoed.has('one way'));
  t.false(arrived('no way'));
  t.deepEqual(errors, []);
  t.throws(() => network.address('c'), { message: /not in this network/ });
});

systemTest('what a killed run has left is cleared away by the next one', namespaces, async (t) => {
  const program = `
    import { createNetwork } from './test/cluster/network.ts';
    import { scratchDirectory } from './test/cluster/scratch.ts';
    import { startChild } from './test/cluster/child.ts';
    const directory = await scratchDirectory();
    const network = await createNetwork(['a']);
    const loose = [process.execPath, '-e', 'setInterval(() => {}, 1000)', directory + '/data'];
    const inside = startChild(network.inside('a', loose.slice(0, 3)), { logFile: directory + '/inside.log' });
    const outside = startChild(loose, { logFile: directory + '/outside.log' });
    console.log([directory, inside.pid, outside.pid].join(' '));
    process.kill(process.pid, 'SIGKILL');
  `;
  const directory = await scratchDirectory();
  t.teardown(sweepOwn(directory));
  const run = startChild([process.execPath, '--input-type=module-typescript', '-e', program], {
    directory: repository,
    logFile: path.join(directory, 'run.log'),
  });
  await run.ended;
  const [left = '', ...pids] = run.output().trim().split(' ');
  t.true(existsSync(left), run.output());

  await sweepScratch();
  await (await createNetwork(['a'])).close();
  t.false(existsSync(left));
  await waitFor(() => !pids.some((pid) => existsSync(`/proc/${pid}/exe`)), { description: 'its processes to end' });
  const names = [...(await readdir('/run/netns')), ...(await readdir(os.tmpdir()))];
  t.deepEqual(names.filter(isAbandoned), []);
});

function talkTo(t: ExecutionContext, address: string) {
  const echoed = new Set<string>();
  const errors: Error[] = [];
  const socket = dgram.createSocket('udp4');
  t.teardown(() => socket.close());
  socket.on('message', (bytes) => echoed.add(bytes.toString()));
  socket.on('error', (error) => errors.push(error));
  const send = (word: string) => socket.send(word, port, address);
  return { send, echoed, errors };
}

function sweepOwn(directory: string) {
  return async () => {
    await mustRun(['rm', '-r', directory]);
  };
}
