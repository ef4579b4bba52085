/**
 * A network of its own for every member of a cluster: one namespace each, joined by a bridge that stands in a namespace
 * too. The host is on it with one address, so that clients can run outside. Cuts are dropped at the bridge: silently,
 * for one direction at a time, and the same for UDP and TCP.
 */
import { readdir } from 'node:fs/promises';
import { mustRun, runCommand } from './command.ts';
import { isAbandoned, ownedName } from './owner.ts';

export const host = 'host';

/** One direction. A name is a member's, or `host`. */
export interface Link {
  readonly from: string;
  readonly to: string;
}

export interface Network {
  address(name: string): string;
  /** The command line that runs the command inside the member's namespace. */
  inside(name: string, command: readonly string[]): readonly string[];
  /** Packets on these links are lost from now on; all of them at the same moment. */
  cut(links: readonly Link[]): Promise<void>;
  /** Nothing is lost any more. */
  heal(): Promise<void>;
  /** Its processes must have ended. */
  close(): Promise<void>;
}

export async function createNetwork(members: readonly string[]): Promise<Network> {
  await sweepNamespaces();
  const prefix = ownedName();
  const subnet = await freeSubnet();
  const switchNamespace = `${prefix}-switch`;
  const hostLink = `bazar${subnet}`;
  const namespace = (name: string) => `${prefix}-${name}`;
  const namespaces = [switchNamespace, ...members.map(namespace)];
  const address = (name: string): string => {
    const number = name === host ? 254 : members.indexOf(name) + 1;
    if (number === 0) throw new Error(`${name} is not in this network; its members are ${members.join(', ')}`);
    return `10.77.${subnet}.${number}`;
  };

  for (const name of namespaces) await ip('netns', 'add', name);
  await ip('-n', switchNamespace, 'link', 'add', 'name', 'bridge', 'type', 'bridge');
  await ip('-n', switchNamespace, 'link', 'set', 'dev', 'bridge', 'up');
  for (const member of members) {
    const inside = ['-n', namespace(member)];
    const peer = ['peer', 'name', 'eth0', 'netns', namespace(member)];
    await ip('-n', switchNamespace, 'link', 'add', 'name', member, 'type', 'veth', ...peer);
    await ip('-n', switchNamespace, 'link', 'set', 'dev', member, 'master', 'bridge', 'up');
    await ip(...inside, 'addr', 'add', `${address(member)}/24`, 'dev', 'eth0');
    await ip(...inside, 'link', 'set', 'dev', 'eth0', 'up');
    await ip(...inside, 'link', 'set', 'dev', 'lo', 'up');
  }
  await ip('link', 'add', 'name', hostLink, 'type', 'veth', 'peer', 'name', host, 'netns', switchNamespace);
  await ip('-n', switchNamespace, 'link', 'set', 'dev', host, 'master', 'bridge', 'up');
  await ip('addr', 'add', `${address(host)}/24`, 'dev', hostLink);
  await ip('link', 'set', 'dev', hostLink, 'up');

  const nft = (commands: string) =>
    mustRun(['ip', 'netns', 'exec', switchNamespace, 'nft', '-f', '-'], { input: `${commands}\n` });
  await nft(`table bridge bazar {
    set cuts { type ipv4_addr . ipv4_addr; }
    chain forward { type filter hook forward priority 0; ip saddr . ip daddr @cuts drop; }
  }`);

  return {
    address,
    inside: (name, command) => ['ip', 'netns', 'exec', namespace(name), ...command],
    async cut(links) {
      const elements = links.map(({ from, to }) => `${address(from)} . ${address(to)}`);
      await nft(`add element bridge bazar cuts { ${elements.join(', ')} }`);
    },
    async heal() {
      await nft('flush set bridge bazar cuts');
    },
    async close() {
      // Going with its peer's namespace takes the link a moment; the next network may want its name.
      await ip('link', 'delete', 'dev', hostLink);
      for (const name of namespaces) await ip('netns', 'delete', name);
    },
  };
}

async function ip(...args: readonly string[]): Promise<string> {
  return await mustRun(['ip', ...args]);
}

/** The N of a 10.77.N.0/24 that nobody uses on this machine. */
async function freeSubnet(): Promise<number> {
  const addresses = await ip('-o', '-4', 'addr', 'show');
  const used = new Set([...addresses.matchAll(/ 10\.77\.(\d+)\./g)].map((match) => Number(match[1])));
  for (let subnet = 1; subnet < 255; subnet += 1) {
    if (!used.has(subnet)) return subnet;
  }
  throw new Error(
    'all of 10.77.1.0/24 to 10.77.254.0/24 are in use: delete what earlier runs left (ip link, ip netns)',
  );
}

async function sweepNamespaces(): Promise<void> {
  const names = await readdir('/run/netns').catch(() => []);
  for (const name of names.filter(isAbandoned)) {
    const { stdout } = await runCommand(['ip', 'netns', 'pids', name]);
    for (const pid of stdout.split('\n').filter(Boolean)) process.kill(Number(pid), 'SIGKILL');
    await runCommand(['ip', 'netns', 'delete', name]);
  }
}
