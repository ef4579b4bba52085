/** The thread that judges histories: it must not hold up the clients, whose clock it would disturb. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { checkLinearizability } from '../history/linearizability.ts';
import type { Finding, Operation } from '../history/operation.ts';
import { checkAcknowledged } from './acknowledged.ts';
import type { Task, Verdict } from './checker.ts';

if (parentPort === null) throw new Error('this file is run as a worker thread');
const port = parentPort;

port.on('message', (task: Task) => {
  const startedAt = performance.now();
  const findings = judge(task);
  const { type, name } = task;
  port.postMessage({ task: { type, name }, findings, tookMs: performance.now() - startedAt } satisfies Verdict);
});

function judge({ type, file, opening, operations }: Task): readonly Finding[] {
  if (type !== 'final') {
    const findings = checkLinearizability(operations, { opening });
    if (type === 'retired' || findings.length > 0) writeFileSync(file, linesOf([...opening, ...operations]));
    return findings;
  }
  const before = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Operation);
  const withoutOpening = before.slice(opening.length);
  appendFileSync(file, linesOf(operations));
  return [
    ...checkAcknowledged(before, operations),
    ...checkLinearizability([...withoutOpening, ...operations], { opening }),
  ];
}

function linesOf(operations: readonly Operation[]): string {
  return operations.map((operation) => `${JSON.stringify(operation)}\n`).join('');
}
