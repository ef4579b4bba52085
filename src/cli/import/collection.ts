/** The collection that documents go into: made if there is none, and otherwise expected to be what it would be made. */
import { type Kind, UsageError } from '../../config.ts';
import { Failure } from '../failure.ts';
import { type Answer, failureOf, type HttpRequest, jsonOf, problemOf, timeoutQuery } from '../http-client.ts';
import { retry } from '../retry.ts';
import { attemptMsMax, type StoreOptions } from './keys.ts';

const indexKinds = ['term', 'words', 'number'] as const;

export interface WantedIndex {
  readonly field: string;
  readonly kind: (typeof indexKinds)[number];
}

/** `authors:term,title:words`. */
export const indexes: Kind<readonly WantedIndex[]> = {
  placeholder: 'FIELD:KIND,…',
  parse: (value) =>
    value.split(',').map((one) => {
      const at = one.lastIndexOf(':');
      const kind = indexKinds.find((known) => known === one.slice(at + 1));
      if (at < 1 || kind === undefined)
        throw new UsageError(`expected FIELD:KIND with one of ${indexKinds.join(', ')}`);
      return { field: one.slice(0, at), kind };
    }),
};

interface Definition {
  readonly idField: string;
  readonly indexes: readonly WantedIndex[];
}

export interface CollectionOptions extends StoreOptions {
  readonly collection: string;
  readonly wanted: Definition;
}

/** Throws Failure if the collection is there, and another one than is wanted. */
export async function ensureCollection(options: CollectionOptions): Promise<'defined' | 'found'> {
  const path = `/v1/collections/${encodeURIComponent(options.collection)}`;
  const found = await ask(options, { path });
  if (found.status === 200) return check(options, jsonOf(found) as Definition);
  if (problemOf(found).code !== 'collection_not_found') throw failureOf(found);
  const defined = await ask(options, {
    method: 'PUT',
    path,
    headers: { 'Content-Type': 'application/json', 'If-None-Match': '*' },
    body: Buffer.from(JSON.stringify(options.wanted)),
  });
  if (defined.status === 201 || defined.status === 200) return 'defined';
  if (defined.status !== 412) throw failureOf(defined);
  // Somebody else has been faster, or an answer of ours was lost.
  const meanwhile = await ask(options, { path });
  if (meanwhile.status !== 200) throw failureOf(meanwhile);
  return check(options, jsonOf(meanwhile) as Definition);
}

function ask(
  { client, timeoutMs, interrupted }: CollectionOptions,
  request: Omit<HttpRequest, 'timeoutMs' | 'query'>,
): Promise<Answer> {
  const attemptMs = Math.min(attemptMsMax, timeoutMs);
  const attempt = () => client.request({ ...request, query: timeoutQuery(attemptMs), timeoutMs: attemptMs });
  return retry(attempt, { timeoutMs, interrupted });
}

function check({ collection, wanted }: CollectionOptions, there: Definition): 'found' {
  if (there.idField !== wanted.idField) {
    throw new Failure(
      `the collection ${collection} is there already, with ids in ${JSON.stringify(there.idField)}; say --id ${there.idField}, or choose another --collection`,
    );
  }
  const has = ({ field, kind }: WantedIndex) =>
    there.indexes.some((index) => index.field === field && index.kind === kind);
  const missing = wanted.indexes.filter((index) => !has(index)).map(({ field, kind }) => `${field}:${kind}`);
  if (missing.length === 0) return 'found';
  throw new Failure(
    `the collection ${collection} is there already, without the index ${missing.join(', ')}; define it with PUT /v1/collections/${encodeURIComponent(collection)}, or leave it out of --index`,
  );
}
