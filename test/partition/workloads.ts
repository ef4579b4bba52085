import { MixedWorkload, mixedWriteShare } from './mixed-workload.ts';
import type { Workload, WorkloadOptions, WorkloadWorld } from './workload.ts';
import { ZipfWorkload, zipfExponent } from './zipf-workload.ts';

export function createWorkload(options: WorkloadOptions, world: WorkloadWorld): Workload {
  return options.type === 'mixed' ? new MixedWorkload(world) : new ZipfWorkload(options, world);
}

/** Of all operations, about. */
export function writeShareOf(options: WorkloadOptions): number {
  return options.type === 'mixed' ? mixedWriteShare : options.writeShare;
}

/** Such as `zipf: 1000 keys, exponent 0.99, 5 % writes`. */
export function describeWorkload(options: WorkloadOptions): string {
  const writes = `${Number((100 * writeShareOf(options)).toFixed(1))} % writes`;
  if (options.type === 'mixed') return `mixed: few keys, ${writes}`;
  return `zipf: ${options.keys} keys, exponent ${zipfExponent}, ${writes}`;
}
