import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { type Kind, optional, required, text, UsageError } from '../config.ts';
import { defineCommand, type Terminal } from './command.ts';
import { exitCodes, Failure } from './failure.ts';
import { createHttpClient, failureOf, jsonOf, targetOptions, timeoutOption, timeoutQuery } from './http-client.ts';
import { write } from './output.ts';

const idempotencyKey: Kind<string> = {
  placeholder: 'KEY',
  parse(value) {
    if (!/^[ -~]{1,255}$/.test(value)) throw new UsageError('expected 1 to 255 characters of printable ASCII');
    return value;
  },
};

/** Nothing went wrong, and yet it is not what was hoped for. */
const comparesFailed = exitCodes.precondition;

export const command = defineCommand({
  name: 'txn',
  summary: 'Compare, then read and write several keys and documents, all or nothing.',
  details: `FILE holds what POST /v1/txn takes, for example:
  {"compare": [{"key": "stock", "of": "value", "value": "1"}],
   "then":    [{"op": "put", "key": "stock", "value": "0"}],
   "else":    [{"op": "get", "key": "stock"}]}
Prints the answer. Exit code 4 if a compare did not hold, and what "else" says was done in place of
"then". With --idempotency-key it is done once however often it is sent, and answered alike each time.`,
  arguments: { file: required(text('FILE'), 'The transaction, as JSON; "-" is the standard input.') },
  options: {
    idempotencyKey: optional(idempotencyKey, 'Names this transaction, for when it has to be sent again.'),
    timeout: timeoutOption,
    ...targetOptions,
  },
  async run({ file, idempotencyKey, timeout, ...target }, terminal) {
    const body = await transactionIn(file, terminal);
    const client = createHttpClient(target);
    try {
      const answer = await client.request({
        method: 'POST',
        path: '/v1/txn',
        query: timeoutQuery(timeout),
        headers: {
          'Content-Type': 'application/json',
          ...(idempotencyKey === null ? {} : { 'Idempotency-Key': idempotencyKey }),
        },
        body,
        timeoutMs: timeout,
      });
      if (answer.status !== 200) throw failureOf(answer);
      const { succeeded } = jsonOf(answer) as { readonly succeeded: boolean };
      await write(terminal.stdout, `${answer.body.toString().trimEnd()}\n`);
      if (answer.headers['idempotency-replayed'] === '?1') {
        terminal.stderr.write('answered before: this is the answer to the first request with this idempotency key\n');
      }
      if (!succeeded) throw new Failure('a compare did not hold: "then" was not done, "else" was', comparesFailed);
    } finally {
      client.close();
    }
  },
});

async function transactionIn(file: string, { stdin }: Terminal): Promise<Buffer> {
  const name = file === '-' ? 'the standard input' : file;
  const reading = file === '-' ? buffer(stdin) : readFile(file);
  const bytes = await reading.catch((error: NodeJS.ErrnoException) => {
    throw new Failure(`cannot read ${name}: ${error.message}`);
  });
  try {
    JSON.parse(bytes.toString());
  } catch (error) {
    throw new Failure(`${name} is not JSON: ${(error as Error).message}`);
  }
  return bytes;
}
