import type { HttpClient } from '../cluster/http-client.ts';

const readersAtOnce = 16;

/** Reads every key, linearizably, from the one replica; gives in words what differs from the expected values. */
export async function findDifferences(
  client: HttpClient,
  expected: ReadonlyMap<string, string>,
  replica: string,
): Promise<readonly string[]> {
  const differences: string[] = [];
  const remaining = expected.entries();
  const reader = async () => {
    for (const [key, value] of remaining) {
      const answer = await client.get(key, { query: `replica=${replica}` });
      if (answer.status !== 200) differences.push(`${key} from ${replica}: status ${answer.status}`);
      else if (!answer.body.equals(Buffer.from(value))) differences.push(`${key} from ${replica}: other bytes`);
      else if (answer.headers['bazar-served-by'] !== replica) {
        differences.push(`${key}: ${replica} was asked and ${answer.headers['bazar-served-by']} answered`);
      }
    }
  };
  await Promise.all(Array.from({ length: readersAtOnce }, reader));
  return differences;
}
