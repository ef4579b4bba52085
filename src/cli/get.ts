import { optional, required, text } from '../config.ts';
import { defineCommand } from './command.ts';
import { writeAtomically } from './files.ts';
import { createHttpClient, failureOf, keyPath, timeoutOption, timeoutQuery, urlOption } from './http-client.ts';
import { write } from './output.ts';

export const command = defineCommand({
  name: 'get',
  summary: 'Print the value of a key, byte for byte.',
  arguments: { key: required(text('KEY'), 'The key.') },
  options: {
    output: optional(text('FILE'), 'Write the value here; "-" is the standard output, as without.'),
    replica: optional(text('ID'), 'This replica answers, or nobody.'),
    timeout: timeoutOption,
    url: urlOption,
  },
  async run({ key, output, replica, timeout, url }, { stdout }) {
    const client = createHttpClient(url);
    try {
      const answer = await client.request({
        path: keyPath(key),
        query: { replica, ...timeoutQuery(timeout) },
        timeoutMs: timeout,
      });
      if (answer.status !== 200) throw failureOf(answer);
      if (output === null || output === '-') await write(stdout, answer.body);
      else await writeAtomically(output, answer.body);
    } finally {
      client.close();
    }
  },
});
