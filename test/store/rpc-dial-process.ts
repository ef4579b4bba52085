/**
 * A process that dials an endpoint and says hello, to be stopped: arguments are the other end's public key and address.
 * Tells how many bytes it has heard whenever it hears a single one.
 */
import DHT from 'hyperdht';
import { silentLogger } from '../../src/logger.ts';
import { openRpcEndpoint } from '../../src/store/rpc-hyperswarm.ts';
import { systemClock, systemRandom } from '../../src/system-clock.ts';

const [publicKey = '', address = ''] = process.argv.slice(2);
const endpoint = await openRpcEndpoint({
  keyPair: DHT.keyPair(),
  host: '127.0.0.1',
  port: 0,
  clock: systemClock,
  random: systemRandom,
  log: silentLogger,
  onFatal: (error) => {
    throw error;
  },
});
let heardBytes = 0;
const connection = endpoint.connect(
  { publicKey, address: () => address },
  {
    onConnect: () => connection.event(Buffer.from('hello')),
    onDisconnect: () => process.stdout.write('disconnected\n'),
    onPing() {},
    onEvent(bytes) {
      heardBytes += bytes.byteLength;
      if (bytes.byteLength === 1) process.stdout.write(`heard ${heardBytes}\n`);
    },
  },
);
