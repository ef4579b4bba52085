import { isUtf8 } from 'node:buffer';
import { flag, optional, required, text } from '../config.ts';
import { defineCommand } from './command.ts';
import { exitCodes } from './failure.ts';
import { writeAtomically } from './files.ts';
import {
  type Answer,
  createHttpClient,
  failureOf,
  type HttpClient,
  keyPath,
  problemOf,
  targetOptions,
  timeoutOption,
  timeoutQuery,
} from './http-client.ts';
import { write } from './output.ts';

export const command = defineCommand({
  name: 'get',
  summary: 'Print the value of a key, or a document, byte for byte.',
  details: `Where there is no key COLLECTION/ID, that is the document ID of the collection, if there is one.
--json prints one line: {"status":"OK","data":…,"cache_hit":true,"node":"g1"}, or "NOT_FOUND" and exit
code 3. The data is JSON as it is stored, or a text, or {"base64":…} for what is neither; the node is
the replica or, of a hit, the gateway that answered.`,
  arguments: { key: required(text('KEY'), 'The key, or COLLECTION/ID.') },
  options: {
    json: flag('With what is known of the answer.'),
    output: optional(text('FILE'), 'Write it here; "-" is the standard output, as without.'),
    replica: optional(text('ID'), 'This replica answers, or nobody.'),
    timeout: timeoutOption,
    ...targetOptions,
  },
  async run({ key, json, output, replica, timeout, ...target }, { stdout }) {
    const client = createHttpClient(target);
    try {
      const answer = await find(client, key, { replica, ...timeoutQuery(timeout) }, timeout);
      const failure = answer.status === 200 ? null : failureOf(answer);
      if (failure !== null && !(json && failure.exitCode === exitCodes.notFound)) throw failure;
      const content = json ? described(answer) : answer.body;
      if (output === null || output === '-') await write(stdout, content);
      else await writeAtomically(output, content);
      if (failure !== null) throw failure;
    } finally {
      client.close();
    }
  },
});

type Query = Readonly<Record<string, string | null>>;

/** The key first: of it alone whoever puts keys with slashes in them thinks. */
async function find(client: HttpClient, key: string, query: Query, timeoutMs: number): Promise<Answer> {
  const ofKey = await client.request({ path: keyPath(key), query, timeoutMs });
  const [collection = '', ...rest] = key.split('/');
  const id = rest.join('/');
  if (codeOf(ofKey) !== 'key_not_found' || collection === '' || id === '') return ofKey;
  const path = `/v1/collections/${encodeURIComponent(collection)}/items/${encodeURIComponent(id)}`;
  const ofDocument = await client.request({ path, query, timeoutMs });
  // It is neither. What a key may be called is more than a collection may: that is not what is wrong.
  return ofDocument.status === 404 || ofDocument.status === 400 ? ofKey : ofDocument;
}

function codeOf(answer: Answer): string | undefined {
  return answer.status === 404 ? problemOf(answer).code : undefined;
}

function described(answer: Answer): string {
  const { status, headers, body } = answer;
  const isFound = status === 200;
  const head = JSON.stringify({ status: isFound ? 'OK' : 'NOT_FOUND' }).slice(0, -1);
  const isHit = /^bazar; *hit\b/.test(String(headers['cache-status'] ?? ''));
  const tail = JSON.stringify({ cache_hit: isHit, node: headers['bazar-served-by'] ?? null }).slice(1);
  return `${head},"data":${isFound ? dataOf(body, headers['content-type'] ?? '') : 'null'},${tail}\n`;
}

/** A number stays as it was written. */
function dataOf(body: Buffer, contentType: string): string {
  if (!isUtf8(body)) return JSON.stringify({ base64: body.toString('base64') });
  const value = body.toString();
  if (contentType.startsWith('text/')) return JSON.stringify(value);
  try {
    JSON.parse(value);
    // In JSON line breaks stand between its parts alone.
    return value.replaceAll(/[\r\n]/g, ' ').trim();
  } catch {
    return JSON.stringify(value);
  }
}
