import { flag, integer, optional, text } from '../config.ts';
import { limits } from '../store/command.ts';
import { defineCommand } from './command.ts';
import { createHttpClient, failureOf, targetOptions, timeoutOption } from './http-client.ts';
import { type ListItem, listRequest, pageOf } from './listing.ts';
import { printable, write } from './output.ts';

export const command = defineCommand({
  name: 'list',
  summary: 'Print keys and their values, in order.',
  details: `One line each: the key, a tab, the value. Line breaks and control characters are shown as in
JSON, values that are not UTF-8 as their size. --json prints what the gateway says of each item.`,
  arguments: { prefix: optional(text('PREFIX'), 'Only keys that begin with this.') },
  options: {
    limit: optional(integer('N', 1, Number.MAX_SAFE_INTEGER), 'Stop after this many.'),
    keysOnly: flag('Leave the values where they are.'),
    json: flag('One JSON object per line.'),
    timeout: timeoutOption,
    ...targetOptions,
  },
  async run({ prefix, limit, keysOnly, json, timeout, ...target }, { stdout }) {
    const client = createHttpClient(target);
    const line = json ? JSON.stringify : keysOnly ? keyLine : keyAndValueLine;
    let left = limit ?? Number.POSITIVE_INFINITY;
    let cursor: string | null = null;
    try {
      do {
        const query = { prefix: prefix ?? '', limit: Math.min(left, limits.listItemsMax), cursor, keysOnly };
        const answer = await client.request(listRequest({ ...query, timeoutMs: timeout }));
        if (answer.status !== 200) throw failureOf(answer);
        const page = pageOf(answer);
        await write(stdout, page.items.map((item) => `${line(item)}\n`).join(''));
        left -= page.items.length;
        cursor = page.cursor;
      } while (cursor !== null && left > 0);
    } finally {
      client.close();
    }
  },
});

const keyLine = (item: ListItem): string => printable(item.key);

function keyAndValueLine(item: ListItem): string {
  const value = item.value === undefined ? `<${item.size} bytes, ${item.contentType}>` : item.value;
  return `${keyLine(item)}\t${printable(value)}`;
}
