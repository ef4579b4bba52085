import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { establish, existingCluster, planDevCluster } from '../../src/cli/dev/dev-cluster.ts';
import { openLogFile } from '../../src/cli/dev/log-file.ts';
import { createLineSplitter, renderLogLine } from '../../src/cli/dev/log-line.ts';
import { checkPorts, type PortNeed } from '../../src/cli/dev/ports.ts';
import { type Child, Supervisor } from '../../src/cli/dev/supervisor.ts';
import { Failure } from '../../src/cli/failure.ts';
import { ConfigError } from '../../src/config.ts';
import type { Clock } from '../../src/raft/interfaces.ts';
import { takeProcessLock } from '../../src/store/process-lock.ts';
import { freePorts } from '../cluster/ports.ts';
import { temporaryDirectory } from './directory.ts';
import { bazar } from './terminal.ts';

/** Time that passes when it is told to. */
class ManualClock implements Clock {
  #now = 0;
  #timers: { readonly at: number; readonly callback: () => void }[] = [];
  now = (): number => this.#now;
  wallNow = (): number => this.#now;
  defer = (callback: () => void): void => void this.setTimer(0, callback);

  setTimer(delayMs: number, callback: () => void) {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
    const due = this.#timers.filter(({ at }) => at <= this.#now);
    this.#timers = this.#timers.filter(({ at }) => at > this.#now);
    for (const { callback } of due) callback();
  }
}

class FakeChild implements Child {
  readonly pid: number;
  readonly signals: string[] = [];
  readonly exit: Promise<string>;
  readonly end: (how: string) => void;

  constructor(pid: number) {
    this.pid = pid;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.exit = promise;
    this.end = resolve;
  }

  kill(signal: string): void {
    this.signals.push(signal);
    if (signal === 'SIGKILL') this.end(signal);
  }
}

function supervised(restart = true) {
  const clock = new ManualClock();
  const children: FakeChild[] = [];
  const said: string[] = [];
  let changes = 0;
  const start = () => {
    const child = new FakeChild(children.length + 1);
    children.push(child);
    return child;
  };
  const onChange = () => void changes++;
  const say = (line: string) => void said.push(line);
  const supervisor = new Supervisor({ id: 'r2', start, restart, clock, onChange, say });
  const end = async (how: string) => {
    children.at(-1)?.end(how);
    await new Promise(setImmediate);
  };
  return { clock, children, said, supervisor, end, changes: () => changes };
}

test('a child that ends is started again: at once, then with back-off up to 5 s', async (t) => {
  const { clock, children, said, supervisor, end } = supervised();
  await end('SIGKILL');
  t.is(supervisor.pid, 2);
  t.deepEqual(said, ['r2 exited with SIGKILL; restarted (pid 2)']);
  for (const delayMs of [100, 200, 400, 800, 1600, 3200, 5000, 5000]) {
    const before = children.length;
    await end('code 1');
    t.is(supervisor.pid, null);
    t.is(said.at(-1), `r2 exited with code 1; restarting in ${delayMs} ms`);
    clock.advance(delayMs - 1);
    t.is(children.length, before);
    clock.advance(1);
    t.is(supervisor.pid, before + 1);
    t.is(said.at(-1), `r2 restarted (pid ${before + 1})`);
  }
});

test('a child that ran for 10 s is started again at once', async (t) => {
  const { clock, said, supervisor, end } = supervised();
  await end('code 1');
  clock.advance(9_999);
  await end('code 1');
  t.is(said.at(-1), 'r2 exited with code 1; restarting in 100 ms');
  clock.advance(100);
  clock.advance(10_000);
  await end('code 1');
  t.is(said.at(-1), `r2 exited with code 1; restarted (pid ${supervisor.pid})`);
});

test('without restart it is left down', async (t) => {
  const { clock, children, said, supervisor, end, changes } = supervised(false);
  t.is(changes(), 1);
  await end('SIGKILL');
  clock.advance(60_000);
  t.deepEqual([supervisor.pid, children.length, changes()], [null, 1, 2]);
  t.deepEqual(said, ['r2 exited with SIGKILL; left down']);
});

test('stop asks, waits 5 s, then kills; nothing is started any more', async (t) => {
  const { clock, children, said, supervisor } = supervised();
  const stopped = supervisor.stop();
  t.deepEqual(children[0]?.signals, ['SIGTERM']);
  clock.advance(4_999);
  t.deepEqual(children[0]?.signals, ['SIGTERM']);
  clock.advance(1);
  t.deepEqual(children[0]?.signals, ['SIGTERM', 'SIGKILL']);
  await stopped;
  clock.advance(60_000);
  t.deepEqual([children.length, said], [1, []]);
});

test('stop while a restart is due: it does not come', async (t) => {
  const { clock, children, supervisor, end } = supervised();
  await end('code 1');
  await end('code 1');
  await supervisor.stop();
  clock.advance(60_000);
  t.is(children.length, 2);
});

const need = (port: number, protocol: 'tcp' | 'udp'): PortNeed => ({
  host: '127.0.0.1',
  port,
  protocol,
  owner: 'r1',
  flag: '--base-port',
});

test('a taken port is named, with who needs it and what moves it; the protocols are told apart', async (t) => {
  const tcp = await freePorts(2);
  const udp = tcp + 1;
  const server = createServer().listen(tcp, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const socket = createSocket('udp4').bind(udp, '127.0.0.1');
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  for (const [port, protocol] of [
    [tcp, 'tcp'],
    [udp, 'udp'],
  ] as const) {
    await t.throwsAsync(checkPorts([need(port, protocol)]), {
      instanceOf: Failure,
      message: `${protocol} port ${port} on 127.0.0.1, which r1 needs, is taken; stop what listens there, or choose another with --base-port`,
    });
  }
  await t.notThrowsAsync(checkPorts([need(tcp, 'udp')]));
});

test('two members that would have one port are named, and what moves them', async (t) => {
  const port = await freePorts(1);
  const gateway: PortNeed = { ...need(port, 'tcp'), owner: 'g2', flag: '--port' };
  await t.throwsAsync(checkPorts([gateway, need(port, 'udp'), need(port, 'tcp')]), {
    instanceOf: Failure,
    message: `g2 and r1 would both have tcp port ${port} on 127.0.0.1; choose another with --port or --base-port`,
  });
});

test('a port that was free is free after the look', async (t) => {
  const port = await freePorts(1);
  await checkPorts([need(port, 'tcp'), need(port, 'udp')]);
  await t.notThrowsAsync(checkPorts([need(port, 'tcp'), need(port, 'udp')]));
});

const nothing = { replicas: null, gateways: null, port: null, basePort: null };

test('the first run makes a cluster, a later one finds it', async (t) => {
  const directory = temporaryDirectory(t);
  t.is(await existingCluster(directory), null);
  const plan = planDevCluster(directory, null, { ...nothing, replicas: 2, gateways: 2, port: 90, basePort: 1000 });
  t.deepEqual(plan, {
    replicas: [
      { id: 'r1', rpc: '127.0.0.1:1001', http: '127.0.0.1:1101' },
      { id: 'r2', rpc: '127.0.0.1:1002', http: '127.0.0.1:1102' },
    ],
    gateways: [
      { id: 'g1', http: '127.0.0.1:90' },
      { id: 'g2', http: '127.0.0.1:91' },
    ],
  });
  const made = await establish(directory, null, plan);
  const found = await existingCluster(directory);
  t.deepEqual(found, made);
  t.deepEqual(await establish(directory, found, planDevCluster(directory, found, nothing)), made);
  const same = { replicas: 2, gateways: 2, port: 90, basePort: 1000 };
  t.deepEqual(await establish(directory, found, planDevCluster(directory, found, same)), made);
});

test('what contradicts the cluster that is there is refused, by the name of its flag', async (t) => {
  const directory = temporaryDirectory(t);
  const made = await establish(directory, null, planDevCluster(directory, null, nothing));
  for (const [request, message] of [
    [
      { replicas: 5 },
      /holds a cluster with 3 replicas, and --replicas says 5; leave --replicas out, or choose another/,
    ],
    [{ gateways: 2 }, /holds a cluster with 1 gateways, and --gateways says 2/],
    [{ basePort: 7300 }, /whose first replica is at 127\.0\.0\.1:7101, and --base-port 7300 would move it/],
  ] as const) {
    t.throws(() => planDevCluster(directory, made, { ...nothing, ...request }), { instanceOf: ConfigError, message });
  }
});

test('gateways may move to another port, and keep their keys', async (t) => {
  const directory = temporaryDirectory(t);
  const made = await establish(directory, null, planDevCluster(directory, null, nothing));
  const plan = planDevCluster(directory, made, { ...nothing, port: 9000 });
  await establish(directory, made, plan);
  const [gateway] = made.gateways;
  t.deepEqual(await existingCluster(directory), { ...made, gateways: [{ ...gateway, http: '127.0.0.1:9000' }] });
});

test('a first run that was cut short before the cluster file is taken up with the keys it made', async (t) => {
  const directory = temporaryDirectory(t);
  const plan = planDevCluster(directory, null, nothing);
  const first = await establish(directory, null, plan);
  rmSync(join(directory, 'cluster.json'));
  rmSync(join(directory, 'r3.key'));
  const second = await establish(directory, null, plan);
  const keys = ({ replicas }: typeof first) => replicas.map(({ publicKey }) => publicKey);
  t.deepEqual(keys(second).slice(0, 2), keys(first).slice(0, 2));
  t.not(keys(second)[2], keys(first)[2]);
});

function dev(t: ExecutionContext, more: readonly string[]) {
  const data = temporaryDirectory(t);
  return { data, run: () => bazar(['dev', '--data', data, ...more]) };
}

test('dev refuses a data directory in use by naming it and who uses it', async (t) => {
  const { data, run } = dev(t, []);
  const lock = await takeProcessLock(join(data, 'dev.lock'));
  if (lock.type === 'held') return t.fail();
  const { code, stderr } = await run();
  t.is(code, 1);
  t.is(
    stderr,
    `bazar: data directory ${data} is in use by process ${process.pid}; stop that, or choose another with --data\n`,
  );
  await lock.release();
  t.deepEqual(readdirSync(data), []);
});

test('dev refuses a taken port before anything is made or started', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const { data, run } = dev(t, ['--port', `${port}`]);
  const { code, stderr } = await run();
  t.is(code, 1);
  t.regex(stderr, new RegExp(`^bazar: tcp port ${port} on 127\\.0\\.0\\.1, which g1 needs, is taken`));
  t.deepEqual(readdirSync(data), []);
});

for (const replicas of ['0', '10', 'three']) {
  test(`dev refuses ${replicas} replicas`, async (t) => {
    const { data, run } = dev(t, ['--replicas', replicas]);
    const { code, stderr } = await run();
    t.is(code, 2);
    t.regex(stderr, /--replicas: expected a whole number from 1 to 9/);
    t.deepEqual(readdirSync(data), []);
  });
}

test('dev refuses what no gateway would understand before anything is made', async (t) => {
  const { data, run } = dev(t, ['--coherence', 'strong']);
  const { code, stderr } = await run();
  t.is(code, 2);
  t.regex(stderr, /--coherence: expected one of lease, validate, off, got "strong"/);
  t.deepEqual(readdirSync(data), []);
});

test('dev refuses ports beyond the last', async (t) => {
  const { data, run } = dev(t, ['--base-port', '65500']);
  const { code, stderr } = await run();
  t.is(code, 1);
  t.regex(
    stderr,
    /r1 would listen at 127\.0\.0\.1:65601: expected a port from 1 to 65535; choose another with --base-port/,
  );
  t.deepEqual(readdirSync(data), []);
});

test('log lines are rendered for a person, whatever is in them', (t) => {
  const rendered: [string, string][] = [
    [
      '{"time":"x","level":"info","id":"r1","term":3,"message":"became leader","ok":true}',
      'r1 info became leader term=3 ok=true',
    ],
    [
      '{"level":"warn","message":"m","path":"a b","quote":"\\"","none":null}',
      'r1 warn m path="a b" quote="\\"" none=null',
    ],
    ['{"level":"warn","message":"\\u001b[31m","path":"\\u001b[31m"}', 'r1 warn \\u001b[31m path=\\u001b[31m'],
    ['plain \u001b[31mtext', 'r1 plain \\u001b[31mtext'],
    ['{"not":"a log line"}', 'r1 {"not":"a log line"}'],
    ['null', 'r1 null'],
  ];
  for (const [line, expected] of rendered) t.is(renderLogLine('r1', line), expected);
});

test('chunks are cut into lines, within characters too, and a line without end is bounded', (t) => {
  const lines: string[] = [];
  const splitter = createLineSplitter((line) => lines.push(line));
  for (const byte of Buffer.from('ü\n\nb')) splitter.add(Buffer.from([byte]));
  t.deepEqual(lines, ['ü', '']);
  splitter.end();
  splitter.end();
  t.deepEqual(lines, ['ü', '', 'b']);
  for (let at = 0; at < 40; at++) splitter.add(Buffer.alloc(4096, 'x'));
  t.true(lines.length > 3);
});

test('a log file becomes FILE.1 at its limit, and only one is kept', (t) => {
  const file = join(temporaryDirectory(t), 'r1.log');
  writeFileSync(file, 'old ');
  const log = openLogFile(file, 10);
  log.write(Buffer.from('line 1'));
  t.is(readFileSync(file, 'utf8'), 'old line 1');
  t.false(existsSync(`${file}.1`));
  log.write(Buffer.from('line 2'));
  t.is(readFileSync(`${file}.1`, 'utf8'), 'old line 1');
  log.write(Buffer.from('a line that is longer than the limit'));
  t.is(readFileSync(`${file}.1`, 'utf8'), 'line 2');
  t.is(statSync(file).size, 36);
});
