import { fileURLToPath } from 'node:url';
import { mustRun } from '../test/cluster/command.ts';

/** How a request is put: as Bazar, and what stands before it, wants it, or as etcd does. */
export type Form = 'bazar' | 'etcd';
export type Operation = 'put' | 'get';

export interface Measurement {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Load {
  readonly form: Form;
  readonly url: string;
  readonly operation: Operation;
  readonly connections: number;
  readonly seconds: number;
  readonly seed: number;
  /** How many keys are drawn from. */
  readonly keys: number;
  /** Of Zipf's law; 0, the default, draws all keys alike. */
  readonly exponent?: number;
}

const script = fileURLToPath(new URL('wrk/load.lua', import.meta.url));

/** Runs wrk once, with one thread. A request that failed, or was answered with anything but success, is an error. */
export async function runWrk(load: Load): Promise<Measurement> {
  const { form, url, operation, connections, seconds, seed, keys, exponent = 0 } = load;
  const flags = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script, url];
  const printed = await mustRun(['wrk', ...flags, '--', form, operation, `${seed}`, `${keys}`, `${exponent}`], {
    timeoutMs: (seconds + 30) * 1000,
  });
  const result = JSON.parse(printed.trim().split('\n').at(-1) ?? '') as {
    readonly requests: number;
    readonly durationUs: number;
    readonly p50Us: number;
    readonly p99Us: number;
    readonly errors: number;
  };
  if (result.errors > 0) throw new Error(`${operation} at ${url} with ${connections} connections: ${printed}`);
  return {
    requestsPerSecond: (result.requests / result.durationUs) * 1e6,
    p50Ms: result.p50Us / 1000,
    p99Ms: result.p99Us / 1000,
  };
}
