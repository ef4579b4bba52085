/** Gateways with tokens: real keys, real sockets. */
import type { ExecutionContext } from 'ava';
import DHT from 'hyperdht';
import { type Access, createAccess } from '../../../src/gateway/access/access.ts';
import type { Role } from '../../../src/gateway/access/needs.ts';
import { createPeerSigner, createPeerVerifier } from '../../../src/gateway/access/peer-signature.ts';
import { createToken, type TokenTable, tokenTable } from '../../../src/gateway/access/tokens.ts';
import { type GatewayOptions, startGateway } from '../../../src/gateway/server.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { FakeClient } from '../fake-client.ts';
import { gatewayOptions } from '../harness.ts';

export const clusterId = '6d1c0b0e-2f5b-4c1e-9b57-6f3f9a3f0c11';

export const keyPairOf = (id: string) => DHT.keyPair(Buffer.alloc(32, id));

export const gatewaysOf = (...ids: readonly string[]) =>
  ids.map((id) => ({ id, publicKey: keyPairOf(id).publicKey.toString('hex') }));

export const signerOf = (id: string, clock = systemClock) =>
  createPeerSigner({ clusterId, id, keyPair: keyPairOf(id), clock });

export const verifierOf = (id: string, clock = systemClock) =>
  createPeerVerifier({ clusterId, id, clock, gateways: gatewaysOf('g1', 'g2', 'g3') });

const made = (role: Role) => createToken({ name: `a-${role}`, role, created: '2026-01-31T12:00:00Z' });
const all = { read: made('read'), write: made('write'), admin: made('admin') };

/** One of each role. */
export const tokens: Readonly<Record<Role, string>> = {
  read: all.read.token,
  write: all.write.token,
  admin: all.admin.token,
};

export const entries = Object.values(all).map(({ entry }) => entry);

export const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

export function accessOf(
  id = 'g1',
  table: { readonly current: TokenTable } = { current: tokenTable(entries) },
): Access {
  return createAccess({ tokens: table, peers: verifierOf(id) });
}

/** Answers from a cache under proofs, so that both ways of reads are taken. */
export async function startGuarded(t: ExecutionContext, options: Partial<GatewayOptions> = {}): Promise<number> {
  const id = options.id ?? 'g1';
  const gateway = await startGateway({ ...gatewayOptions(new FakeClient()), access: accessOf(id), ...options });
  t.teardown(() => gateway.close());
  return gateway.address.port;
}
