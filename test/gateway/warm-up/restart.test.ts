import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type GatewayOptions, startGateway } from '../../../src/gateway/server.ts';
import { hotFileAt } from '../../../src/gateway/warm-up/hot-file.ts';
import { createLogger } from '../../../src/logger.ts';
import type { FollowedStream } from '../../../src/store/client.ts';
import { temporaryDirectory } from '../../cli/directory.ts';
import { FakeClient, putOf } from '../fake-client.ts';
import { gatewayOptions, request } from '../harness.ts';

/** Its stream stands as soon as it is asked for. */
class LiveClient extends FakeClient {
  override follow(): FollowedStream {
    return { live: true, behind() {}, renew() {}, confirm() {}, release() {} };
  }
}

interface LogLine {
  readonly message: string;
}

const caching = { coherence: 'validate', cache: { cacheBytes: 1024 * 1024 } } as const;

async function start(t: ExecutionContext, client: FakeClient, options: Partial<GatewayOptions>) {
  const ended = Promise.withResolvers<LogLine>();
  const lines: LogLine[] = [];
  const write = (line: string) => {
    const fields = JSON.parse(line) as LogLine;
    lines.push(fields);
    if (fields.message === 'warm-up ended') ended.resolve(fields);
  };
  const log = createLogger({ id: 'g1', level: 'info', write });
  const gateway = await startGateway({ ...gatewayOptions(client), caching, log, ...options });
  t.teardown(() => gateway.close());
  return { gateway, port: gateway.address.port, ended: ended.promise, lines };
}

test('a gateway that was stopped in good order fetches at its next start what was hot', async (t) => {
  const client = new LiveClient();
  const hotFile = hotFileAt(join(temporaryDirectory(t), 'hot'));
  for (const key of ['a', 'b/1', 'b/2']) await client.write(putOf(key, key), 1000);
  const first = await start(t, client, { hotFile });
  t.deepEqual(first.gateway.warmUpCounts(), { warmed: 0, skipped: 0 });
  await request(first.port, 'GET', '/v1/kv/a');
  for (const _ of [1, 2]) await request(first.port, 'GET', '/v1/kv?prefix=b/&limit=1');
  await first.gateway.close();

  client.reads.length = 0;
  const second = await start(t, client, { hotFile });
  t.like(await second.ended, { end: 'complete', warmed: 2, skipped: 0, left: 0 });
  t.deepEqual(
    client.reads.map(({ query }) => query),
    [
      { type: 'list', prefix: 'b/', after: null, limit: 1, keysOnly: false },
      { type: 'get', key: 'a', withValue: true },
    ],
  );
  t.deepEqual(second.gateway.warmUpCounts(), { warmed: 2, skipped: 0 });
  const purged = await request(second.port, 'DELETE', '/v1/cache?all');
  t.like(JSON.parse(purged.text), { purged: 2 });
});

test('a gateway that cannot warm up yet is ready, and answers', async (t) => {
  const client = new FakeClient();
  const path = join(temporaryDirectory(t), 'hot');
  const { port, gateway } = await start(t, client, { hotFile: hotFileAt(path) });
  t.is((await request(port, 'GET', '/readyz')).status, 200);
  t.is((await request(port, 'GET', '/v1/kv/a')).status, 404);
  await gateway.close();
  const second = await start(t, client, { hotFile: hotFileAt(path) });
  t.is((await request(second.port, 'GET', '/readyz')).status, 200);
  t.is((await request(second.port, 'GET', '/v1/kv/a')).status, 404);
  const before = readFileSync(path, 'utf8');
  await second.gateway.close();
  t.is(readFileSync(path, 'utf8'), before);
});

test('where nothing is kept, nothing is read or written', async (t) => {
  const path = join(temporaryDirectory(t), 'hot');
  writeFileSync(path, 'anything');
  const { gateway, lines } = await start(t, new LiveClient(), {
    hotFile: hotFileAt(path),
    caching: { coherence: 'off', cache: { cacheBytes: 0 } },
  });
  t.is(gateway.warmUpCounts(), null);
  t.regex(lines.map(({ message }) => message).join('\n'), /leave out --warm-up, or choose another --coherence/);
  await gateway.close();
  t.is(readFileSync(path, 'utf8'), 'anything');
});
