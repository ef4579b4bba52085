/** The stack without our frames: sends and answers what an endpoint never would. */
import RPC from '@hyperswarm/rpc';
import type { ExecutionContext } from 'ava';
import DHT from 'hyperdht';
import { ClosedDHT } from '../../src/store/closed-dht.ts';

/** The bytes as they are, version and all. */
const rawEncoding: RPC.Encoding<Uint8Array> = {
  preencode(state, bytes) {
    state.end += bytes.byteLength;
  },
  encode(state, bytes) {
    state.buffer.set(bytes, state.start);
    state.start += bytes.byteLength;
  },
  decode(state) {
    const { buffer, start, end } = state;
    state.start = end;
    return Buffer.from(buffer.subarray(start, end));
  },
};

/** On a free port of the loopback interface; closed when the test ends. */
export async function openRaw(t: ExecutionContext) {
  const keyPair = DHT.keyPair();
  const dht = new ClosedDHT({
    bootstrap: [],
    host: '127.0.0.1',
    port: [0, 1],
    anyPort: false,
    firewalled: false,
    ephemeral: true,
    keyPair,
    connectionKeepAlive: 1000,
  });
  await dht.fullyBootstrapped();
  t.teardown(() => dht.destroy());
  return {
    rpc: new RPC({ dht, keyPair, valueEncoding: rawEncoding }),
    keyPair,
    publicKey: keyPair.publicKey.toString('hex'),
    address: () => `127.0.0.1:${dht.address()?.port}`,
  };
}
