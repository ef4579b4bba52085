/**
 * The harness: a cluster of real processes, on loopback or each in a network namespace of its own.
 * Nothing that ends is started again by itself, and a process that ends without having been told to is an error.
 */
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { ReplicaStatus } from '../../src/store/protocol.ts';
import { bazarCommand, type Child, type Ending, startChild } from './child.ts';
import { mustRun } from './command.ts';
import { createHttpClient, type HttpClient, json } from './http-client.ts';
import { createNetwork, host, type Link, type Network } from './network.ts';
import { freePorts } from './ports.ts';
import { scratchDirectory, sweepScratch } from './scratch.ts';
import { type WaitOptions, waitFor } from './wait.ts';

export interface ClusterOptions {
  /** 3 by default; they are called r1, r2, …. */
  readonly replicas?: number;
  /** 1 by default; they are called g1, g2, …. */
  readonly gateways?: number;
  /** Give each process a network of its own, so that links can be cut; needs root. */
  readonly namespaces?: boolean;
  /** For `bazar gateway`, beside those that tell who and where it is: of all gateways, or of each by its id. */
  readonly gatewayFlags?: readonly string[] | ((id: string) => readonly string[]);
}

export interface Cluster {
  readonly directory: string;
  readonly clusterFile: string;
  readonly replicas: readonly string[];
  readonly gateways: readonly string[];
  /** Where a member listens for HTTP, without a slash at the end. */
  url(id: string): string;
  dataDirectory(id: string): string;
  keyFile(id: string): string;
  pid(id: string): number;
  isRunning(id: string): boolean;
  /** All that the process, in all its lives, has printed. */
  log(id: string): string;
  /** For a gateway, or for a replica's own small HTTP port. */
  client(id?: string): HttpClient;

  /** Starts the process and returns at once. */
  launch(id: string): Child;
  /** Starts the process and waits until it serves HTTP. */
  start(id: string): Promise<void>;
  kill(id: string, signal?: NodeJS.Signals): Promise<void>;
  /** SIGTERM: it ends in order. */
  stop(id: string): Promise<Ending>;
  pause(id: string): void;
  resume(id: string): void;

  /** Packets are lost between the two, or only those from the first to the second. */
  cut(from: string, to: string, options?: { readonly oneWay: boolean }): Promise<void>;
  /** Packets on these links are lost, each in its one direction; all at the same moment. */
  cutLinks(links: readonly Link[]): Promise<void>;
  /** Cuts every link between the two groups, all at the same moment. */
  partition(group: readonly string[], other: readonly string[]): Promise<void>;
  /** Cuts the member from the replicas, or from everyone. */
  isolate(id: string, options: { readonly from: 'replicas' | 'all' }): Promise<void>;
  heal(): Promise<void>;

  /** Null when it does not answer. */
  status(replica: string): Promise<ReplicaStatus | null>;
  /** The running replica that leads in the highest term, or null. */
  leader(): Promise<string | null>;
  /** Waits until a replica leads. */
  someLeader(): Promise<string>;
  /** Waits until all replicas that run have applied the same entries, and returns their one digest. */
  agreement(timeoutMs?: number): Promise<string>;
  /** As the function of this name; fails at once when a process has ended by itself. */
  waitFor<T>(condition: () => T | Promise<T>, options: WaitOptions): Promise<Exclude<T, false | null | undefined>>;
  /** The process is expected to end by itself. */
  expectEnd(id: string): Promise<Ending>;

  /** Kills all and removes the directory; rejects if a process had ended by itself. */
  close(): Promise<void>;
}

const basePort = 7100;
const gatewayPort = 8080;

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  await sweepScratch();
  const replicas = names('r', options.replicas ?? 3);
  const gateways = names('g', options.gateways ?? 1);
  const directory = await scratchDirectory();
  const network = options.namespaces === true ? await createNetwork([...replicas, ...gateways]) : null;
  const cluster = new ProcessCluster(directory, replicas, gateways, network, options.gatewayFlags);
  try {
    await cluster.initialise();
    await Promise.all([...replicas, ...gateways].map((id) => cluster.start(id)));
    await cluster.someLeader();
    await cluster.waitFor(() => cluster.isReady(), { description: 'every gateway to be ready' });
    return cluster;
  } catch (error) {
    const output = logTails(cluster);
    await cluster.close().catch(() => {});
    throw new Error(`the cluster did not come up\n${output}`, { cause: error });
  }
}

/** The last lines of every member, for a person who wants to know what went wrong. */
export function logTails(cluster: Cluster, lines = 30): string {
  const tail = (id: string) => `--- ${id}\n${cluster.log(id).trimEnd().split('\n').slice(-lines).join('\n')}`;
  return [...cluster.replicas, ...cluster.gateways].map(tail).join('\n');
}

function names(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, position) => `${prefix}${position + 1}`);
}

interface Member {
  readonly id: string;
  readonly url: string;
  readonly client: HttpClient;
  child: Child | null;
  /** Whether the end of the process would be news. */
  shouldRun: boolean;
}

/** A start reads and checks the whole log, and in long runs many start at once. */
const startMsMax = 60_000;

class ProcessCluster implements Cluster {
  readonly clusterFile: string;
  readonly #members = new Map<string, Member>();
  readonly #unexpected: string[] = [];

  readonly directory: string;
  readonly replicas: readonly string[];
  readonly gateways: readonly string[];
  readonly #network: Network | null;
  readonly #gatewayFlags: (id: string) => readonly string[];

  constructor(
    directory: string,
    replicas: readonly string[],
    gateways: readonly string[],
    network: Network | null,
    gatewayFlags: ClusterOptions['gatewayFlags'] = [],
  ) {
    this.directory = directory;
    this.replicas = replicas;
    this.gateways = gateways;
    this.#network = network;
    this.#gatewayFlags = typeof gatewayFlags === 'function' ? gatewayFlags : () => gatewayFlags;
    this.clusterFile = path.join(directory, 'cluster.json');
  }

  /** Makes the cluster file and the keys, and learns who listens where. */
  async initialise(): Promise<void> {
    const first = this.#network === null ? await freePorts(2 * this.replicas.length + this.gateways.length) : null;
    const address = (id: string) => this.#network?.address(id) ?? '127.0.0.1';
    const httpPorts = new Map<string, number>();
    const replicaFlags = this.replicas.map((id, position) => {
      const rpcPort = first === null ? basePort : first + 2 * position;
      httpPorts.set(id, rpcPort + 1);
      return `${id}=${address(id)}:${rpcPort}:${rpcPort + 1}`;
    });
    const gatewayFlags = this.gateways.map((id, position) => {
      const port = first === null ? gatewayPort : first + 2 * this.replicas.length + position;
      httpPorts.set(id, port);
      return `${id}=${address(id)}:${port}`;
    });
    await mkdir(path.join(this.directory, 'logs'));
    const members = ['--replicas', replicaFlags.join(','), '--gateways', gatewayFlags.join(',')];
    await mustRun(bazarCommand('init', ...members, '--out', this.directory));
    for (const [id, port] of httpPorts) {
      const url = `http://${address(id)}:${port}`;
      this.#members.set(id, { id, url, client: createHttpClient(url), child: null, shouldRun: false });
    }
  }

  url(id: string): string {
    return this.#member(id).url;
  }

  dataDirectory(id: string): string {
    return path.join(this.directory, 'data', id);
  }

  keyFile(id: string): string {
    return path.join(this.directory, `${id}.key`);
  }

  pid(id: string): number {
    return this.#running(id).pid;
  }

  isRunning(id: string): boolean {
    const { child } = this.#member(id);
    return child !== null && child.ending() === null;
  }

  log(id: string): string {
    return this.#member(id).child?.output() ?? '';
  }

  client(id = 'g1'): HttpClient {
    return this.#member(id).client;
  }

  launch(id: string): Child {
    const member = this.#member(id);
    if (this.isRunning(id)) throw new Error(`${id} runs already`);
    const kind = this.replicas.includes(id) ? 'replica' : 'gateway';
    const flags = ['--id', id, '--cluster', this.clusterFile, '--key', this.keyFile(id)];
    if (kind === 'replica') flags.push('--data', this.dataDirectory(id));
    else flags.push(...this.#gatewayFlags(id));
    if (this.#network !== null) flags.push('--host', this.#network.address(id), '--insecure');
    const command = bazarCommand(kind, ...flags);
    const child = startChild(this.#network === null ? command : this.#network.inside(id, command), {
      logFile: path.join(this.directory, 'logs', `${id}.log`),
    });
    member.child = child;
    member.shouldRun = true;
    void child.ended.then(({ code, signal }) => {
      if (member.child === child && member.shouldRun) {
        this.#unexpected.push(`${id} ended by itself (code ${code}, signal ${signal})`);
      }
    });
    return child;
  }

  async start(id: string): Promise<void> {
    this.launch(id);
    const { client } = this.#member(id);
    const alive = async () => {
      const answer = await client.request('GET', '/livez', { timeoutMs: 1_000 }).catch(() => null);
      return answer?.status === 200;
    };
    await this.waitFor(alive, { description: `${id} to serve HTTP`, timeoutMs: startMsMax });
  }

  async kill(id: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#end(id, signal);
  }

  async stop(id: string): Promise<Ending> {
    return await this.#end(id, 'SIGTERM');
  }

  pause(id: string): void {
    this.#running(id).process.kill('SIGSTOP');
  }

  resume(id: string): void {
    this.#running(id).process.kill('SIGCONT');
  }

  async cut(from: string, to: string, options = { oneWay: false }): Promise<void> {
    const links = [{ from, to }];
    if (!options.oneWay) links.push({ from: to, to: from });
    await this.#separable().cut(links);
  }

  async cutLinks(links: readonly Link[]): Promise<void> {
    await this.#separable().cut(links);
  }

  async partition(group: readonly string[], other: readonly string[]): Promise<void> {
    const links = group.flatMap((from) => other.map((to) => ({ from, to })));
    await this.#separable().cut([...links, ...links.map(({ from, to }) => ({ from: to, to: from }))]);
  }

  async isolate(id: string, { from }: { readonly from: 'replicas' | 'all' }): Promise<void> {
    const others = from === 'replicas' ? this.replicas : [...this.replicas, ...this.gateways, host];
    await this.partition(
      [id],
      others.filter((other) => other !== id),
    );
  }

  async heal(): Promise<void> {
    await this.#separable().heal();
  }

  async status(replica: string): Promise<ReplicaStatus | null> {
    if (!this.isRunning(replica)) return null;
    const answer = await this.client(replica)
      .request('GET', '/debug/status', { timeoutMs: 1_000 })
      .catch(() => null);
    return answer?.status === 200 ? json<ReplicaStatus>(answer) : null;
  }

  async leader(): Promise<string | null> {
    const statuses = await this.#statuses();
    const leaders = statuses.filter((status) => status.role === 'leader').sort((a, b) => b.term - a.term);
    return leaders[0]?.id ?? null;
  }

  async someLeader(): Promise<string> {
    return await this.waitFor(() => this.leader(), { description: 'a leader' });
  }

  async agreement(timeoutMs = 30_000): Promise<string> {
    const running = this.replicas.filter((id) => this.isRunning(id));
    let last: readonly ReplicaStatus[] = [];
    const agreed = async () => {
      last = await this.#statuses();
      const states = new Set(last.map(({ appliedIndex, stateDigest }) => `${appliedIndex} ${stateDigest}`));
      const whole = last.every(
        ({ appliedIndex, lastIndex, state }) => appliedIndex === lastIndex && state === 'normal',
      );
      return whole && last.length === running.length && states.size === 1 ? last[0]?.stateDigest : null;
    };
    return await this.waitFor(agreed, {
      description: `${running.join(', ')} to have applied the same`,
      timeoutMs,
      detail: () => last,
    });
  }

  async waitFor<T>(
    condition: () => T | Promise<T>,
    options: WaitOptions,
  ): Promise<Exclude<T, false | null | undefined>> {
    return await waitFor(() => {
      this.#checkEndings();
      return condition();
    }, options);
  }

  async expectEnd(id: string): Promise<Ending> {
    const member = this.#member(id);
    const child = member.child;
    if (child === null) throw new Error(`${id} was never started`);
    member.shouldRun = false;
    return await waitFor(() => child.ending(), { description: `${id} to end by itself` });
  }

  async isReady(): Promise<boolean> {
    const ready = async (id: string) => {
      const answer = await this.client(id)
        .request('GET', '/readyz', { timeoutMs: 1_000 })
        .catch(() => null);
      return answer?.status === 200;
    };
    return (await Promise.all(this.gateways.map(ready))).every(Boolean);
  }

  async close(): Promise<void> {
    for (const member of this.#members.values()) {
      member.shouldRun = false;
      member.client.close();
      if (this.isRunning(member.id)) await member.child?.end('SIGKILL');
    }
    await this.#network?.close();
    await rm(this.directory, { recursive: true, force: true });
    this.#checkEndings();
  }

  async #end(id: string, signal: NodeJS.Signals): Promise<Ending> {
    const child = this.#running(id);
    this.#member(id).shouldRun = false;
    return await child.end(signal);
  }

  async #statuses(): Promise<readonly ReplicaStatus[]> {
    const statuses = await Promise.all(this.replicas.map((id) => this.status(id)));
    return statuses.filter((status) => status !== null);
  }

  #checkEndings(): void {
    if (this.#unexpected.length > 0) throw new Error(this.#unexpected.join('; '));
  }

  #member(id: string): Member {
    const member = this.#members.get(id);
    if (member === undefined) throw new Error(`${id} is not in this cluster: ${[...this.#members.keys()].join(', ')}`);
    return member;
  }

  #running(id: string): Child {
    const { child } = this.#member(id);
    if (child === null || child.ending() !== null) throw new Error(`${id} does not run`);
    return child;
  }

  #separable(): Network {
    if (this.#network === null) throw new Error('links can be cut only in a cluster started with namespaces: true');
    return this.#network;
  }
}
