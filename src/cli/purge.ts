import { flag, oneOf, optional, text, UsageError, withDefault } from '../config.ts';
import { defineCommand } from './command.ts';
import { exitCodes, Failure } from './failure.ts';
import { type Answer, createHttpClient, failureOf, jsonOf, targetOptions, timeoutOption } from './http-client.ts';
import { alignColumns, printable, write } from './output.ts';

/** Of a purge that all gateways have confirmed, and of one that some have not. */
interface PurgeAnswer {
  readonly purged?: number;
  readonly gateways?: readonly (
    | { readonly id: string; readonly purged: number }
    | { readonly id: string; readonly error: string }
  )[];
}

export const command = defineCommand({
  name: 'purge',
  summary: 'Throw answers out of the caches of all gateways.',
  details: `Takes exactly one of --key, --prefix, --tag, --collection and --all, and prints what each gateway threw out.
A read never shows what is out of date: a purge is for whoever does not trust a cache, or wants its memory back.
Exit code 5 if a gateway did not confirm; to purge again does no harm.`,
  arguments: {},
  options: {
    key: optional(text('KEY'), 'The answer to this key, and the lists it may be in.'),
    prefix: optional(text('PREFIX'), 'The answers to keys that begin with this, and the lists that may show one.'),
    tag: optional(text('TAG'), 'The answer to this very key, or the lists of this very prefix, and no others.'),
    collection: optional(text('NAME'), 'The answers to the documents of this collection, and its searches.'),
    id: optional(text('ID'), 'With --collection: of its documents this one alone, with its searches.'),
    all: flag('Everything.'),
    scope: withDefault(oneOf('SCOPE', ['cluster', 'this']), 'cluster', 'At all gateways, or at the one asked alone.'),
    timeout: timeoutOption,
    ...targetOptions,
  },
  async run({ key, prefix, tag, collection, id, all, scope, timeout, ...target }, { stdout }) {
    if (id !== null && collection === null)
      throw new UsageError('--id names a document of --collection NAME: name both');
    const selectors = { key, prefix, tag, collection, all: all ? 'true' : null };
    if (Object.values(selectors).filter((given) => given !== null).length !== 1) {
      throw new UsageError(
        'expected exactly one of --key KEY, --prefix PREFIX, --tag TAG, --collection NAME and --all',
      );
    }
    const client = createHttpClient(target);
    try {
      const query = { ...selectors, id, scope };
      const answer = await client.request({ method: 'DELETE', path: '/v1/cache', query, timeoutMs: timeout });
      const { gateways } = answerOf(answer);
      if (gateways === undefined) throw failureOf(answer);
      await write(stdout, alignColumns(gateways.map((each) => [each.id, outcomeOf(each)])));
      const missing = gateways.filter((each) => 'error' in each).map(({ id }) => id);
      if (missing.length === 0) return;
      throw new Failure(
        `${missing.join(', ')} did not confirm, and may keep what was to go; purge again, one that is down keeps nothing`,
        exitCodes.unavailable,
      );
    } finally {
      client.close();
    }
  },
});

/** What is no answer of a purge has no gateways. */
function answerOf(answer: Answer): PurgeAnswer {
  const isPurge = answer.status === 200 || answer.status === 502 || answer.status === 504;
  if (!isPurge || !answer.headers['content-type']?.includes('json')) return {};
  return jsonOf(answer) as PurgeAnswer;
}

type GatewayOutcome = NonNullable<PurgeAnswer['gateways']>[number];

function outcomeOf(outcome: GatewayOutcome): string {
  return 'error' in outcome ? printable(outcome.error) : `${outcome.purged}`;
}
