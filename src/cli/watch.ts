import { duration, flag, type Kind, optional, text, UsageError, withDefault } from '../config.ts';
import { keyProblem } from '../store/command.ts';
import { collectionNameProblem } from '../store/names.ts';
import { defineCommand } from './command.ts';
import { createHttpClient, targetOptions } from './http-client.ts';
import { printable, write } from './output.ts';
import { urls } from './urls.ts';
import { follow, type WatchLine } from './watch-follow.ts';

const prefix: Kind<string> = {
  placeholder: 'PREFIX',
  parse(value) {
    const problem = value === '' ? null : keyProblem(value);
    if (problem !== null) throw new UsageError(`expected the beginning of a key (${problem})`);
    return value;
  },
};

const collection: Kind<string> = {
  placeholder: 'NAME',
  parse(value) {
    const problem = collectionNameProblem(value);
    if (problem !== null) throw new UsageError(problem);
    return value;
  },
};

const from: Kind<string> = {
  placeholder: 'REVISION',
  parse(value) {
    if (!/^\d{1,16}(:\d{1,9})?$/.test(text('REVISION').parse(value))) {
      throw new UsageError('expected a revision, such as 42, or the id of a change, such as 42:3');
    }
    return value;
  },
};

export const command = defineCommand({
  name: 'watch',
  summary: 'Print every change of keys or documents as it happens, each once and in order.',
  details: `One line each: the revision, put, delete, expire or drop, the key or COLLECTION/ID, and of a put the
value, with tabs between them. Goes on by itself when a gateway stops or the connection breaks, at the next gateway
if there are several. Ends on Ctrl-C, or when what comes next is not kept any more.`,
  arguments: { prefix: optional(prefix, 'Only keys that begin with this.') },
  options: {
    collection: optional(collection, 'The documents of this collection, instead of keys.'),
    from: optional(from, 'Begin after this revision; by default with what happens from now on.'),
    json: flag('One JSON object per line, as the gateway sends them.'),
    timeout: withDefault(duration, '60s', 'How long to try to get through to a gateway, each time.'),
    ...targetOptions,
    url: {
      ...withDefault(urls, 'http://127.0.0.1:8080', 'The gateways; the next one is asked when one fails.'),
      environment: true,
    },
  },
  async run({ prefix, collection: name, from, json, timeout, url: gateways, ...target }, { stdout, nextInterruption }) {
    if (prefix !== null && name !== null) throw new UsageError('expected a prefix of keys or --collection, not both');
    const line = json ? jsonLine : plainLine;
    const clients = gateways.map((url) => createHttpClient({ ...target, url }));
    try {
      await follow({
        clients,
        path: name === null ? '/v1/watch' : `/v1/collections/${encodeURIComponent(name)}/watch`,
        query: name === null ? { prefix: prefix ?? '' } : {},
        from,
        timeoutMs: timeout,
        interrupted: nextInterruption(),
        onChanges: (changes) => write(stdout, changes.map((change) => `${line(change)}\n`).join('')),
      });
    } finally {
      for (const client of clients) client.close();
    }
  },
});

const jsonLine = (change: WatchLine): string => change.text;

function plainLine({ change }: WatchLine): string {
  const { event, expired, revision, key, collection, documentId, document, value, size, contentType } = change;
  const subject = key ?? [collection, ...(documentId === undefined ? [] : [documentId])].join('/');
  const name = [revision, expired === true ? 'expire' : event, printable(subject)].join('\t');
  if (event !== 'put') return name;
  if (document !== undefined) return `${name}\t${printable(JSON.stringify(document))}`;
  return `${name}\t${printable(value ?? `<${size} bytes, ${contentType}>`)}`;
}
