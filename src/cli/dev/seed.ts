/** The shop's books, for a cluster that is empty. */
import { seedShop } from '../../gateway/shop/seed.ts';
import { createHttpClient } from '../http-client.ts';
import { retry } from '../retry.ts';

const attemptMs = 5000;
const timeoutMs = 30_000;

/** What became of it, for a person; null if there is nothing to say. */
export async function seed(url: string, interrupted: AbortSignal): Promise<string | null> {
  const client = createHttpClient({ url: new URL(url), token: null, tokenFile: null, ca: null });
  try {
    // Each step of it may be done twice.
    const seeded = await seedShop(async ({ method, target: path, headers, body }) => {
      const content = body === null ? {} : { body: Buffer.from(body) };
      const attempt = () => client.request({ method, path, headers, ...content, timeoutMs: attemptMs, interrupted });
      const answer = await retry(attempt, { timeoutMs, interrupted });
      return { status: answer.status, body: answer.body.toString() };
    });
    return seeded.type === 'put' ? `${seeded.books} books are in the shop; --no-seed leaves them out` : null;
  } catch (error) {
    return interrupted.aborted
      ? null
      : `warning: the shop is not filled: ${(error as Error).message}; the next start fills it, if it is empty then`;
  } finally {
    client.close();
  }
}
