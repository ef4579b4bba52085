import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { optional, required, text, UsageError, withDefault } from '../config.ts';
import { defineCommand, type Terminal } from './command.ts';
import { Failure } from './failure.ts';
import {
  createHttpClient,
  failureOf,
  jsonOf,
  keyPath,
  preconditionHeaders,
  targetOptions,
  timeoutOption,
  timeoutQuery,
} from './http-client.ts';
import { write } from './output.ts';

export const command = defineCommand({
  name: 'put',
  summary: 'Store a value under a key.',
  details: 'Prints the revision of the write. A revision of --if-match may be written with or without quotes.',
  arguments: {
    key: required(text('KEY'), 'The key.'),
    value: optional({ placeholder: 'VALUE', parse: (value) => value }, 'The value, as UTF-8; or use --file.'),
  },
  options: {
    file: optional(text('FILE'), 'Read the value from this file, or from the standard input if it is "-".'),
    contentType: withDefault(text('TYPE'), 'application/octet-stream', 'What kind of value it is.'),
    ifMatch: optional(text('REVISION'), 'Only if the key has this revision, or any with "*"; else exit code 4.'),
    ifNoneMatch: optional(text('REVISION'), 'Only if the key does not have it; "*": only if there is no such key.'),
    timeout: timeoutOption,
    ...targetOptions,
  },
  async run({ key, value, file, contentType, ifMatch, ifNoneMatch, timeout, ...target }, terminal) {
    const path = keyPath(key);
    const body = await bytesToStore(value, file, terminal);
    const client = createHttpClient(target);
    try {
      const answer = await client.request({
        method: 'PUT',
        path,
        query: timeoutQuery(timeout),
        headers: { 'Content-Type': contentType, ...preconditionHeaders(ifMatch, ifNoneMatch) },
        body,
        timeoutMs: timeout,
      });
      if (answer.status !== 200 && answer.status !== 201) throw failureOf(answer);
      const { revision } = jsonOf(answer) as { readonly revision: number };
      await write(terminal.stdout, `${revision}\n`);
    } finally {
      client.close();
    }
  },
});

async function bytesToStore(value: string | null, file: string | null, { stdin }: Terminal): Promise<Uint8Array> {
  if ((value === null) === (file === null)) throw new UsageError('put: expected either VALUE or --file FILE');
  if (value !== null) return Buffer.from(value);
  if (file === '-') return await buffer(stdin);
  return await readFile(file as string).catch((error: NodeJS.ErrnoException) => {
    throw new Failure(`cannot read ${file}: ${error.message}`);
  });
}
