import { optional, required, text } from '../config.ts';
import { defineCommand } from './command.ts';
import {
  createHttpClient,
  failureOf,
  keyPath,
  preconditionHeaders,
  targetOptions,
  timeoutOption,
  timeoutQuery,
} from './http-client.ts';

export const command = defineCommand({
  name: 'del',
  summary: 'Delete a key.',
  arguments: { key: required(text('KEY'), 'The key.') },
  options: {
    ifMatch: optional(text('REVISION'), 'Only if the key has this revision; else exit code 4.'),
    timeout: timeoutOption,
    ...targetOptions,
  },
  async run({ key, ifMatch, timeout, ...target }) {
    const client = createHttpClient(target);
    try {
      const answer = await client.request({
        method: 'DELETE',
        path: keyPath(key),
        query: timeoutQuery(timeout),
        headers: preconditionHeaders(ifMatch, null),
        timeoutMs: timeout,
      });
      if (answer.status !== 200) throw failureOf(answer);
    } finally {
      client.close();
    }
  },
});
