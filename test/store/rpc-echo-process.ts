/** A process with one endpoint that admits everybody, to be killed: arguments are the key pair's seed (hex) and the port. */
import DHT from 'hyperdht';
import { silentLogger } from '../../src/logger.ts';
import { openRpcEndpoint } from '../../src/store/rpc-hyperswarm.ts';
import { systemClock, systemRandom } from '../../src/system-clock.ts';
import { EchoHandlers, everybody } from './rpc-fixture.ts';

const [seed = '', port = ''] = process.argv.slice(2);
const endpoint = await openRpcEndpoint({
  keyPair: DHT.keyPair(Buffer.from(seed, 'hex')),
  host: '127.0.0.1',
  port: Number(port),
  clock: systemClock,
  random: systemRandom,
  log: silentLogger,
  onFatal: (error) => {
    throw error;
  },
});
await endpoint.listen(new EchoHandlers(), everybody);
process.stdout.write('listening\n');
