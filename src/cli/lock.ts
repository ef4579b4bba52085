import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { duration, type Kind, required, UsageError, withDefault } from '../config.ts';
import { ElapsedClock } from '../raft/elapsed-clock.ts';
import { keyProblem } from '../store/command.ts';
import { type Clock, systemClock } from '../system-clock.ts';
import { type CommandLine, defineCommand, type Terminal } from './command.ts';
import { EndedAs, Failure } from './failure.ts';
import { createHttpClient, targetOptions } from './http-client.ts';
import { type Child, startChild } from './lock/child.ts';
import { claim } from './lock/claim.ts';
import { KeepAlive, type KeepAliveOptions, noticeMsOf } from './lock/keep-alive.ts';
import { openLockKey } from './lock/lock-key.ts';
import { urls } from './urls.ts';

const lockName: Kind<string> = {
  placeholder: 'NAME',
  parse(value) {
    const problem = value === '' ? 'it is empty' : keyProblem(`locks/${value}`);
    if (problem !== null) throw new UsageError(`expected the name of a lock (${problem})`);
    return value;
  },
};

const lifetime: Kind<number> = {
  placeholder: 'DURATION',
  parse(value) {
    const ttlMs = duration.parse(value);
    if (ttlMs < 1000) throw new UsageError('expected 1s at least, as a renewal has to get through in a third of it');
    return ttlMs;
  },
};

const patience: Kind<number> = {
  placeholder: 'DURATION',
  parse: (value) => (/^0(ms|s|m|h)?$/.test(value) ? 0 : duration.parse(value)),
};

export const command = defineCommand({
  name: 'lock',
  summary: 'Run a command while nobody else holds the lock of this name.',
  details: `The lock is the key locks/NAME, which ends by itself after --ttl unless it is kept alive; its value says
who holds it. The command finds in BAZAR_LOCK_TOKEN a number that is higher the later the lock was
taken (docs/locks.md says what for), gets the signals that come here, and is run without a shell.
If the lock is lost, or cannot be kept alive, it gets SIGTERM and then SIGKILL before somebody else
can have the lock; it is in a process group of its own, and all in that group ends with it.
Ends with the command's own code, 128 and more for a signal. Exit code 4 if somebody else held the
lock all the time or has taken it away, 5 if no gateway could be got through to, 1 if the command
cannot be run.`,
  arguments: { name: required(lockName, 'The lock.') },
  options: {
    ttl: withDefault(lifetime, '10s', 'After what time without a word from here somebody else may have it; from 1s.'),
    wait: withDefault(patience, '1m', 'How long to wait for it; 0 does not.'),
    ...targetOptions,
    url: {
      ...withDefault(urls, 'http://127.0.0.1:8080', 'The gateways; the next one is asked when one fails.'),
      environment: true,
    },
  },
  takesCommandLine: true,
  async run({ name, ttl: ttlMs, wait: waitMs, url, ...target }, { environment, stderr, onSignal }, commandLine) {
    const clients = url.map((gateway) => createHttpClient({ ...target, url: gateway }, 2));
    const holder = randomUUID();
    const value = JSON.stringify({ holder, host: hostname(), pid: process.pid });
    const lock = openLockKey({ clients, name, ttlMs, value });
    const clock = sleeplessClock();
    const interruption = new AbortController();
    let onward: (signal: NodeJS.Signals) => void = () => interruption.abort();
    onSignal((signal) => onward(signal));
    try {
      const claimed = await claim({ lock, holder, ttlMs, waitMs, clock, interrupted: interruption.signal });
      const keepAlive = { lock, holder, ttlMs, clock, claim: claimed };
      await runLocked(keepAlive, stderr, () => {
        if (interruption.signal.aborted) throw new Failure('interrupted');
        const token = `${claimed.token}`;
        const child = startChild(commandLine as CommandLine, { ...environment, BAZAR_LOCK_TOKEN: token });
        onward = child.signal;
        return child;
      });
    } finally {
      for (const client of clients) client.close();
    }
  },
});

/** Throws Failure if the lock is lost or the command cannot be run, EndedAs if that ends with another code than 0. */
async function runLocked(
  locked: Omit<KeepAliveOptions, 'onLost'>,
  stderr: Terminal['stderr'],
  start: () => Child,
): Promise<void> {
  const { clock, ttlMs, lock } = locked;
  const losing = Promise.withResolvers<Failure>();
  const keepAlive = new KeepAlive({ ...locked, onLost: losing.resolve });
  const end = await endOf(start, losing.promise, noticeMsOf(ttlMs), clock);
  const release = await keepAlive.release();
  if (release.type === 'left') {
    const { message } = release.failure;
    stderr.write(`${lock.key} could not be given back, and ends by itself within ${ttlMs} ms: ${message}\n`);
  }
  if (end instanceof Failure) throw end;
  if (release.type === 'lost') throw release.failure;
  if (end !== 0) throw new EndedAs(end);
}

/** The command's exit code, or what kept it from having one. */
async function endOf(
  start: () => Child,
  losing: Promise<Failure>,
  noticeMs: number,
  clock: Clock,
): Promise<number | Failure> {
  try {
    const child = start();
    const first = await Promise.race([child.ended, losing]);
    if (first instanceof Failure) await stop(child, noticeMs, clock);
    return first;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

/** It is asked to end, then made to, and nothing that it has started stays. */
async function stop(child: Child, noticeMs: number, clock: Clock): Promise<void> {
  child.signal('SIGTERM');
  const kill = clock.setTimer(noticeMs, () => child.signal('SIGKILL'));
  await child.ended;
  kill.cancel();
  child.signal('SIGKILL');
}

/** One that goes on while the machine sleeps, as the cluster's does. */
function sleeplessClock(): Clock {
  const elapsed = new ElapsedClock(systemClock);
  return { ...systemClock, now: () => elapsed.now() };
}
