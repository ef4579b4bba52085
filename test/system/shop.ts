/** The shop's books in a cluster of processes. */
import { type SeedAnswer, type SeedRequest, seedShop } from '../../src/gateway/shop/seed.ts';
import type { HttpClient } from '../cluster/http-client.ts';
import { waitFor } from '../cluster/wait.ts';

/** The cluster is empty before. A busy machine may answer late: then it is asked again. */
export async function fillShop(client: HttpClient): Promise<void> {
  const ask = async ({ method, target, headers, body }: SeedRequest): Promise<SeedAnswer> => {
    const answer = await client.request(method, target, { headers, ...(body === null ? {} : { body }) });
    return { status: answer.status, body: answer.body.toString() };
  };
  let failure: unknown = null;
  const isFull = async () => {
    const seeded = await seedShop(ask).catch((error: unknown) => {
      failure = error;
      return null;
    });
    if (seeded?.type === 'kept' && failure === null) throw new Error('the cluster was not empty');
    return seeded;
  };
  await waitFor(isFull, { description: 'a shop that is filled', timeoutMs: 60_000, detail: () => String(failure) });
}

/** A body of JSON, and its header. */
export function jsonBody(value: unknown): {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
} {
  return { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(value) };
}
