import test from 'ava';
import { stopTimeoutMs } from '../../src/cli/dev/supervisor.ts';
import { defaultLimits } from '../../src/gateway/limits.ts';
import { startGateway } from '../../src/gateway/server.ts';
import { FakeClient } from './fake-client.ts';
import { gatewayOptions, request, startTestGateway } from './harness.ts';

test('a host that others can reach is refused unless that is said to be meant', async (t) => {
  const options = gatewayOptions(new FakeClient());
  await t.throwsAsync(startGateway({ ...options, host: '0.0.0.0' }), {
    name: 'ConfigError',
    message: /0\.0\.0\.0.*--insecure/,
  });
  const gateway = await startGateway({ ...options, host: '0.0.0.0', insecure: true });
  t.is((await request(gateway.address.port, 'GET', '/livez')).status, 200);
  await gateway.close();
});

test('a taken port is refused by naming it', async (t) => {
  const { port } = await startTestGateway(t);
  await t.throwsAsync(startGateway({ ...gatewayOptions(new FakeClient()), port }), {
    name: 'ConfigError',
    message: new RegExp(`127\\.0\\.0\\.1:${port}: another process`),
  });
});

test('closing finishes what is under way and takes nothing new', async (t) => {
  const gateway = await startTestGateway(t, { closeTimeoutMs: 60_000 });
  const { promise, resolve } = Promise.withResolvers<{ type: 'noLeader' }>();
  gateway.client.writeOutcome = promise;
  const idle = await gateway.open();
  const busy = await gateway.open();
  busy.write('PUT /v1/kv/a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
  while (gateway.client.writes.length === 0) await new Promise(setImmediate);
  idle.write('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n');
  await idle.until('ok\n');
  const closed = gateway.close();
  await idle.closed();
  await t.throwsAsync(gateway.request('GET', '/livez'), { code: 'ECONNREFUSED' });
  resolve({ type: 'noLeader' });
  t.regex(await busy.closed(), /^HTTP\/1.1 503 .*no_leader/s);
  await closed;
});

test('closing does not wait for ever', async (t) => {
  const gateway = await startTestGateway(t, { closeTimeoutMs: 50 });
  gateway.client.writeOutcome = new Promise(() => {});
  const stuck = await gateway.open();
  stuck.write('PUT /v1/kv/a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
  while (gateway.client.writes.length === 0) await new Promise(setImmediate);
  await gateway.close();
  t.is(await stuck.closed(), '');
});

test('a gateway that is told to stop has closed before its supervisor loses patience', (t) => {
  t.true(defaultLimits.closeTimeoutMs < stopTimeoutMs);
});
