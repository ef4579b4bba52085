import { duration, flag, withDefault } from '../config.ts';
import { defineCommand } from './command.ts';
import { exitCodes, Failure } from './failure.ts';
import { createHttpClient, failureOf, jsonOf, targetOptions, timeoutQuery } from './http-client.ts';
import { alignColumns, printable, write } from './output.ts';

interface HashAnswer {
  /** Null: there is none at which the digests of all that answered are known. */
  readonly revision: number | null;
  /** All replicas have answered, and alike. */
  readonly equal: boolean;
  readonly replicas: readonly { readonly id: string; readonly digest: string | null; readonly problem?: string }[];
}

export const command = defineCommand({
  name: 'hash',
  summary: 'Find out whether all replicas hold the same at one revision.',
  details: `Exit code 0 if they do, 1 if they do not: then each digest is shown; 5 if it could not be found out within
the time, for example since a replica does not run.`,
  arguments: {},
  options: {
    timeout: withDefault(duration, '10s', 'How long to wait until all can say it of one revision; at most 1m.'),
    json: flag('What the gateway says, as one line of JSON.'),
    ...targetOptions,
  },
  async run({ timeout, json, ...target }, { stdout }) {
    const client = createHttpClient(target);
    try {
      const answer = await client.request({
        path: '/v1/cluster/hash',
        query: timeoutQuery(timeout),
        timeoutMs: timeout,
      });
      if (answer.status !== 200) throw failureOf(answer);
      const hashes = jsonOf(answer) as HashAnswer;
      await write(stdout, json ? `${JSON.stringify(hashes)}\n` : page(hashes));
      judge(hashes);
    } finally {
      client.close();
    }
  },
});

function page({ revision, equal, replicas }: HashAnswer): string {
  const ids = replicas.map(({ id }) => id).join(', ');
  if (equal) return `equal at revision ${revision}: ${ids} (${replicas[0]?.digest})\n`;
  const rows = replicas.map(({ id, digest, problem = '' }) => [id, digest ?? '-', printable(problem)]);
  return alignColumns([['REPLICA', `DIGEST AT ${revision ?? '-'}`, 'PROBLEM'], ...rows]);
}

/** Throws Failure unless all are known to be equal. */
function judge({ revision, equal, replicas }: HashAnswer): void {
  if (equal) return;
  const digests = new Set(replicas.flatMap(({ digest }) => digest ?? []));
  if (digests.size > 1) throw new Failure(`the replicas differ at revision ${revision}`);
  const missing = replicas.filter(({ digest }) => digest === null).map(({ id }) => id);
  throw new Failure(
    `it could not be found out whether all are equal: ${missing.join(', ')} could not say`,
    exitCodes.unavailable,
  );
}
