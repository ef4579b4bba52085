import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterFile } from '../cluster-file.ts';
import {
  ConfigError,
  flag,
  fromEnvironment,
  integer,
  oneOf,
  optional,
  path,
  port,
  type Values,
  withDefault,
} from '../config.ts';
import { logLevels } from '../logger.ts';
import { takeProcessLock } from '../store/process-lock.ts';
import { systemClock } from '../system-clock.ts';
import { version } from '../version.ts';
import { clusterFileIn, defaultBasePort, defaultGatewayPort, keyFileIn } from './cluster-plan.ts';
import { defineCommand, type Terminal } from './command.ts';
import { startChild } from './dev/child.ts';
import { devDefaults, establish, existingCluster, planDevCluster } from './dev/dev-cluster.ts';
import { type LogFile, openLogFile } from './dev/log-file.ts';
import { createLineSplitter, renderLogLine } from './dev/log-line.ts';
import { checkPorts, portNeeds } from './dev/ports.ts';
import { untilReady } from './dev/readiness.ts';
import { seed } from './dev/seed.ts';
import { Supervisor } from './dev/supervisor.ts';
import { asWritten, readFlags, writtenReadOptions } from './gateway-options.ts';
import { alignColumns } from './output.ts';
import { history } from './replica-options.ts';
import { aborted } from './server-process.ts';

export const command = defineCommand({
  name: 'dev',
  summary: 'Run a whole cluster on this machine.',
  details: `The first run makes the cluster in the data directory, later ones find it there. Replica k has RPC on
base-port + k (UDP) and HTTP on base-port + 100 + k, gateway k listens on port + k - 1. A process that
ends is started again. DIR/dev.json says what runs where, DIR/logs holds what each process said.
Ctrl-C stops everything; a second one kills it.`,
  arguments: {},
  options: fromEnvironment({
    data: withDefault(path('DIR'), './.bazar', 'Where the cluster is kept.'),
    replicas: optional(integer('N', 1, 9), `1, 3 or 5; ${devDefaults.replicas} for a new cluster.`),
    gateways: optional(integer('N', 1, 9), `${devDefaults.gateways} for a new cluster.`),
    port: optional(port, `The first gateway's port; ${defaultGatewayPort} for a new cluster.`),
    basePort: optional(port, `What the replicas' ports count from; ${defaultBasePort} for a new cluster.`),
    ...writtenReadOptions,
    history: asWritten(history),
    noSeed: flag('Leave an empty cluster empty: do not put the books of the shop into it.'),
    noRestart: flag('Leave a process that ended down.'),
    logLevel: withDefault(oneOf('LEVEL', logLevels), 'info', `What is logged: ${logLevels.join(', ')}.`),
  }),
  async run(input, terminal) {
    await mkdir(input.data, { recursive: true });
    const directory = await realpath(input.data);
    const lock = await takeProcessLock(join(directory, 'dev.lock'));
    if (lock.type === 'held') {
      throw new ConfigError(
        `data directory ${directory} is in use by process ${lock.pid}; stop that, or choose another with --data`,
      );
    }
    try {
      const existing = await existingCluster(directory);
      const plan = planDevCluster(directory, existing, input);
      await checkPorts(portNeeds(plan));
      const cluster = await establish(directory, existing, plan);
      await runCluster(cluster, directory, input, terminal);
    } finally {
      await lock.release();
    }
  },
});

interface RunOptions extends Values<typeof writtenReadOptions> {
  readonly noRestart: boolean;
  readonly history: string | null;
  readonly noSeed: boolean;
  readonly logLevel: string;
}

async function runCluster(
  cluster: ClusterFile,
  directory: string,
  { noRestart, noSeed, history, logLevel, ...reading }: RunOptions,
  terminal: Terminal,
): Promise<void> {
  const { stdout, nextInterruption } = terminal;
  const say = (line: string) => void stdout.write(`${line}\n`);
  const interrupted = nextInterruption();
  const startedAt = performance.now();
  const seconds = () => `${((performance.now() - startedAt) / 1000).toFixed(2)} s`;
  const logs = join(directory, 'logs');
  await mkdir(logs, { recursive: true });

  const processes: DevProcess[] = [];
  const onChange = () => writeDevFile(directory, processes);
  const common = (id: string) => [
    ...['--id', id, '--cluster', clusterFileIn(directory), '--key', keyFileIn(directory, id)],
    ...['--log-level', logLevel],
  ];
  const supervise = (id: string, words: readonly string[]) => {
    const onOutput = outputOf(id, logs, terminal);
    return new Supervisor({
      id,
      start: () => startChild([...words, ...common(id)], onOutput),
      restart: !noRestart,
      clock: systemClock,
      onChange,
      say,
    });
  };
  say(`bazar ${version} on Node ${process.versions.node}, data in ${directory}`);
  const { length } = cluster.replicas;
  if (length % 2 === 0) say(`warning: ${length} replicas survive no more failures than ${length - 1} would`);
  for (const { id, rpc, http } of cluster.replicas) {
    const data = join(directory, id);
    const words = ['replica', '--data', data, ...(history === null ? [] : ['--history', history])];
    processes.push({ role: 'replica', rpc, http, data, supervisor: supervise(id, words) });
  }
  for (const { id, http } of cluster.gateways) {
    const hot = join(directory, `${id}-hot-list.json`);
    const words = ['gateway', ...readFlags(reading), '--warm-up', hot];
    processes.push({ role: 'gateway', http, supervisor: supervise(id, words) });
  }
  onChange();
  try {
    const rows = await readyRows(processes, interrupted, seconds);
    // Whoever reads that all is ready finds the shop filled.
    const [gateway] = cluster.gateways;
    const seeded = noSeed || gateway === undefined ? null : await seed(`http://${gateway.http}`, interrupted);
    if (seeded !== null) say(seeded);
    if (!interrupted.aborted) say(welcome(rows, cluster));
    await aborted(interrupted);
    say('stopping');
  } finally {
    nextInterruption().addEventListener('abort', () => {
      for (const { supervisor } of processes) supervisor.kill();
    });
    await Promise.all(processes.map(({ supervisor }) => supervisor.stop()));
    rmSync(devFileIn(directory), { force: true });
  }
}

/** What a replica may take longer than the gateways, before it is shown as not ready. */
const patienceMs = 2000;

/** One row each, when all gateways are ready: from then on the cluster can be used. */
async function readyRows(
  processes: readonly DevProcess[],
  interrupted: AbortSignal,
  seconds: () => string,
): Promise<readonly (readonly string[])[]> {
  const late = new AbortController();
  const rows = processes.map(async (process) => {
    const { role, http, supervisor } = process;
    const patience = role === 'gateway' ? interrupted : AbortSignal.any([interrupted, late.signal]);
    const ready = await untilReady(`http://${http}`, patience);
    const rpc = role === 'replica' ? `rpc ${process.rpc}/udp` : '';
    return [`  ${supervisor.id}`, ready ? `ready ${seconds()}` : 'not ready yet', `http://${http}`, rpc];
  });
  await Promise.all(rows.filter((_, at) => processes[at]?.role === 'gateway'));
  const timer = systemClock.setTimer(patienceMs, () => late.abort());
  const all = await Promise.all(rows);
  timer.cancel();
  return all;
}

type DevProcess = { readonly http: string; readonly supervisor: Supervisor } & (
  | { readonly role: 'replica'; readonly rpc: string; readonly data: string }
  | { readonly role: 'gateway' }
);

const devFileIn = (directory: string): string => join(directory, 'dev.json');

/** For tests and people who look for something to kill. At once and in one step: nobody reads half of it, or an old one. */
function writeDevFile(directory: string, processes: readonly DevProcess[]): void {
  const replicas = processes
    .filter((process) => process.role === 'replica')
    .map(({ supervisor: { id, pid }, http, rpc, data }) => ({ id, pid, http, rpc, data }));
  const gateways = processes
    .filter((process) => process.role === 'gateway')
    .map(({ supervisor: { id, pid }, http }) => ({ id, pid, http }));
  const draft = `${devFileIn(directory)}.draft`;
  writeFileSync(draft, `${JSON.stringify({ pid: process.pid, replicas, gateways }, null, 2)}\n`);
  renameSync(draft, devFileIn(directory));
}

/** Into its log file as it is, and line by line onto the screen. */
function outputOf(id: string, logs: string, { stderr }: Terminal): (chunk: Buffer) => void {
  const file = join(logs, `${id}.log`);
  let log: LogFile | null = openLogFile(file);
  const lines = createLineSplitter((line) => {
    stderr.write(`${stderr.isTTY ? renderLogLine(id, line) : `${id} ${line}`}\n`);
  });
  return (chunk) => {
    try {
      log?.write(chunk);
    } catch (error) {
      stderr.write(`${file} cannot be written, going on without it: ${(error as Error).message}\n`);
      log = null;
    }
    lines.add(chunk);
  };
}

function welcome(rows: readonly (readonly string[])[], { gateways: [gateway] }: ClusterFile): string {
  const url = `http://${gateway?.http}`;
  return [
    '',
    alignColumns(rows),
    `Metrics at /metrics of each of them, the cluster at ${url}/v1/cluster. Try:`,
    `  curl -X PUT -H 'Content-Type: text/plain' -d 'world' ${url}/v1/kv/hello`,
    `  curl -i ${url}/v1/kv/hello`,
    `  curl '${url}/v1/kv?prefix=he'`,
    'Ctrl-C stops everything.',
  ].join('\n');
}
