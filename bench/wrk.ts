import { fileURLToPath } from 'node:url';
import { mustRun } from '../test/cluster/command.ts';

export type System = 'bazar' | 'etcd';
export type Operation = 'put' | 'get';

export interface Measurement {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Load {
  readonly system: System;
  readonly url: string;
  readonly operation: Operation;
  readonly connections: number;
  readonly seconds: number;
  readonly seed: number;
}

const script = fileURLToPath(new URL('wrk/load.lua', import.meta.url));

/** Runs wrk once. A request that failed, or was answered with anything but success, makes the run an error. */
export async function runWrk({ system, url, operation, connections, seconds, seed }: Load): Promise<Measurement> {
  const flags = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, url];
  const printed = await mustRun(['wrk', ...flags, '--', system, operation, `${seed}`], {
    timeoutMs: (seconds + 30) * 1000,
  });
  const result = JSON.parse(printed.trim().split('\n').at(-1) ?? '') as {
    readonly requests: number;
    readonly durationUs: number;
    readonly p50Us: number;
    readonly p99Us: number;
    readonly errors: number;
  };
  if (result.errors > 0) throw new Error(`${system} ${operation} at ${connections} connections: ${printed}`);
  return {
    requestsPerSecond: (result.requests / result.durationUs) * 1e6,
    p50Ms: result.p50Us / 1000,
    p99Ms: result.p99Us / 1000,
  };
}
