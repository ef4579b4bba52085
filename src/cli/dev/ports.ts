/** Is a port free? The only way to know is to take it for a moment. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type Address, parseAddress } from '../../cluster-file.ts';
import { ConfigError } from '../../config.ts';
import type { ClusterPlan } from '../cluster-plan.ts';
import { Failure } from '../failure.ts';

export interface PortNeed extends Address {
  readonly protocol: 'tcp' | 'udp';
  /** Who will listen there, and the flag that moves it. */
  readonly owner: string;
  readonly flag: string;
}

/** Throws Failure for a port that is none. */
export function portNeeds({ replicas, gateways }: ClusterPlan): readonly PortNeed[] {
  return [
    ...gateways.map(({ id, http }) => need(http, { protocol: 'tcp', owner: id, flag: '--port' })),
    ...replicas.flatMap(({ id, rpc, http }) => [
      need(rpc, { protocol: 'udp', owner: id, flag: '--base-port' }),
      need(http, { protocol: 'tcp', owner: id, flag: '--base-port' }),
    ]),
  ];
}

function need(address: string, whose: Omit<PortNeed, keyof Address>): PortNeed {
  try {
    return { ...parseAddress(address), ...whose };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { owner, flag } = whose;
    throw new Failure(
      `${owner} would listen at ${address}: expected a port from 1 to 65535; choose another with ${flag}`,
    );
  }
}

/** Throws Failure naming the first port that cannot be taken, and why. */
export async function checkPorts(needs: readonly PortNeed[]): Promise<void> {
  for (const [at, need] of needs.entries()) {
    const other = needs.slice(0, at).find((each) => placeOf(each) === placeOf(need));
    if (other === undefined) continue;
    const flags = [...new Set([other.flag, need.flag])].join(' or ');
    throw new Failure(
      `${other.owner} and ${need.owner} would both have ${placeOf(need)}; choose another with ${flags}`,
    );
  }
  const problems = await Promise.all(needs.map(portProblem));
  const first = problems.find((problem) => problem !== null);
  if (first !== undefined) throw new Failure(first);
}

const placeOf = ({ protocol, host, port }: PortNeed): string => `${protocol} port ${port} on ${host}`;

async function portProblem(need: PortNeed): Promise<string | null> {
  try {
    await (need.protocol === 'tcp' ? tryTcp(need) : tryUdp(need));
    return null;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const where = `${placeOf(need)}, which ${need.owner} needs,`;
    if (code === 'EADDRINUSE') return `${where} is taken; stop what listens there, or choose another with ${need.flag}`;
    return `${where} cannot be used: ${message}; choose another with ${need.flag}`;
  }
}

async function tryTcp({ host, port }: Address): Promise<void> {
  const server = createServer().listen({ host, port, exclusive: true });
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}

async function tryUdp({ host, port }: Address): Promise<void> {
  const socket = createSocket('udp4').bind({ address: host, port, exclusive: true });
  await once(socket, 'listening');
  socket.close();
  await once(socket, 'close');
}
