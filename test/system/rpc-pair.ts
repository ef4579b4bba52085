/** Two endpoints that connect to each other and talk: arguments are their addresses and for how many milliseconds. */
import DHT from 'hyperdht';
import { silentLogger } from '../../src/logger.ts';
import { openRpcEndpoint } from '../../src/store/rpc-hyperswarm.ts';
import { systemClock, systemRandom } from '../../src/system-clock.ts';
import { waitFor } from '../cluster/wait.ts';
import { ConnectionLog, EchoHandlers, everybody } from '../store/rpc-fixture.ts';

const [leftHost = '', rightHost = '', durationMs = ''] = process.argv.slice(2);

async function open(host: string) {
  const keyPair = DHT.keyPair();
  const endpoint = await openRpcEndpoint({
    keyPair,
    host,
    port: 0,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    onFatal: (error) => {
      throw error;
    },
  });
  await endpoint.listen(new EchoHandlers(), everybody);
  return { endpoint, publicKey: keyPair.publicKey.toString('hex') };
}

const left = await open(leftHost);
const right = await open(rightHost);
const connections = [[left, right] as const, [right, left] as const].map(([from, to]) => {
  const { host, port } = to.endpoint.address();
  return from.endpoint.connect({ publicKey: to.publicKey, address: () => `${host}:${port}` }, new ConnectionLog());
});
const endsAtMs = systemClock.now() + Number(durationMs);
let answers = 0;
await waitFor(
  async () => {
    for (const connection of connections) {
      const answer = await connection.request(Buffer.from('hello'), 1000);
      if (answer.type === 'answer') answers++;
    }
    return systemClock.now() > endsAtMs;
  },
  { description: 'the time to be up', timeoutMs: Number(durationMs) + 10_000 },
);
await left.endpoint.close();
await right.endpoint.close();
process.stdout.write(`${answers}\n`);
