import test, { type ExecutionContext } from 'ava';
import { type Check, startMetaServer } from '../../src/meta-http.ts';
import { request } from './harness.ts';

async function start(t: ExecutionContext, ready: readonly Check[] = []) {
  const server = await startMetaServer({
    host: '127.0.0.1',
    port: 0,
    livez: () => [{ name: 'disk', ok: true }],
    readyz: () => ready,
    metrics: { render: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'a 1\n' }) },
    version: '1.2.3',
    debug: {
      status: () => ({ term: 3 }),
      broken: () => {
        throw new Error('no status yet');
      },
    },
  });
  t.teardown(() => server.close());
  return (method: string, path: string) => request(server.address.port, method, path);
}

test('each endpoint answers', async (t) => {
  const ask = await start(t);
  t.is((await ask('GET', '/livez')).text, 'ok\n');
  t.is((await ask('GET', '/livez?verbose')).text, '[+]disk ok\nlivez check passed\n');
  t.is((await ask('GET', '/readyz')).text, 'ok\n');
  t.is((await ask('GET', '/metrics')).text, 'a 1\n');
  t.is(JSON.parse((await ask('GET', '/version')).text).version, '1.2.3');
  t.deepEqual(JSON.parse((await ask('GET', '/debug/status')).text), { term: 3 });
});

test('a failed check is a 503 that says what is missing', async (t) => {
  const ask = await start(t, [
    { name: 'log', ok: true },
    { name: 'leader', ok: false, detail: 'no leader is known' },
  ]);
  const response = await ask('GET', '/readyz');
  t.is(response.status, 503);
  t.is(response.text, '[+]log ok\n[-]leader failed: no leader is known\nreadyz check failed\n');
});

test('an unknown path is a 404 that names the known ones, another method a 405 with Allow', async (t) => {
  const ask = await start(t);
  const unknown = await ask('GET', '/debug/other');
  t.is(unknown.status, 404);
  t.regex(unknown.text, /\/livez .*\/debug\/status/);
  const refused = await ask('POST', '/livez');
  t.is(refused.status, 405);
  t.is(refused.headers.allow, 'GET, HEAD');
});

test('HEAD has no body', async (t) => {
  const ask = await start(t);
  const response = await ask('HEAD', '/metrics');
  t.is(response.status, 200);
  t.is(response.headers['content-length'], '4');
  t.is(response.body.length, 0);
});

test('what throws is a 500, and the server goes on', async (t) => {
  const ask = await start(t);
  const response = await ask('GET', '/debug/broken');
  t.is(response.status, 500);
  t.is(response.text, 'no status yet\n');
  t.is((await ask('GET', '/livez')).status, 200);
});
