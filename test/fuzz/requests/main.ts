/** `npm run fuzz -- --requests 100000 --seed 7`: sends so many requests, and tells how they were answered. */
import { parseArgs } from 'node:util';
import { fuzzRequests } from './run.ts';

const { values } = parseArgs({ options: { requests: { type: 'string' }, seed: { type: 'string' } } });
const requests = Number(values.requests ?? 100_000);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
if (!Number.isInteger(requests) || requests < 1 || !Number.isInteger(seed)) {
  process.stderr.write('usage: npm run fuzz -- [--requests N] [--seed N], whole numbers; N requests from 1 on\n');
  process.exit(2);
}
process.stdout.write(`${requests} requests, seed ${seed}\n`);
const startedAt = performance.now();
const { statuses, complaints } = await fuzzRequests({ requests, seed });
for (const [status, count] of [...statuses].sort(([one], [other]) => one - other)) {
  process.stdout.write(`${status}  ${count}\n`);
}
for (const [complaint, example] of complaints) process.stdout.write(`${complaint}\n${example}\n\n`);
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
process.stdout.write(`${seconds} s, ${complaints.size} kinds of wrong answers\n`);
process.exitCode = complaints.size === 0 ? 0 : 1;
