/** The end of a run: every key is read from every replica. */
import type { HttpClient } from '../cluster/http-client.ts';
import type { Operation } from '../history/operation.ts';
import type { Checker, RetiredGroup } from './checker.ts';
import { ask } from './clients.ts';
import type { Tally } from './tally.ts';

export interface FinalReadsOptions {
  readonly gateways: readonly HttpClient[];
  readonly replicas: readonly string[];
  readonly checker: Checker;
  readonly tally: Tally;
  readonly nextNumber: () => number;
}

const groupsAtOnce = 3;
const timeoutMs = 10_000;
const graceMs = 2000;

/** Resolves when all histories have been judged with these reads. */
export async function readEverything(options: FinalReadsOptions): Promise<void> {
  const { checker } = options;
  const remaining = checker.groups.values();
  const reader = async () => {
    for (const group of remaining) await checker.finish(group, await readGroup(group, options));
  };
  await Promise.all(Array.from({ length: groupsAtOnce }, reader));
}

async function readGroup(
  { keys }: RetiredGroup,
  { gateways, replicas, tally, nextNumber }: FinalReadsOptions,
): Promise<readonly Operation[]> {
  const read = async (key: string, replica: string, gateway: HttpClient): Promise<Operation> => {
    const number = nextNumber();
    const request = { type: 'get', key } as const;
    const invokedAt = tally.now();
    const parameters = [`replica=${replica}`, `timeout=${timeoutMs}ms`];
    const { outcome } = await ask(gateway, request, { parameters, timeoutMs: timeoutMs + graceMs });
    return { number, client: `final-${replica}`, request, invokedAt, returnedAt: tally.now(), outcome };
  };
  const reads = keys.flatMap((key) =>
    replicas.map((replica, position) => {
      const gateway = gateways[position % gateways.length];
      if (gateway === undefined) throw new Error('final reads need a gateway');
      return read(key, replica, gateway);
    }),
  );
  return await Promise.all(reads);
}
