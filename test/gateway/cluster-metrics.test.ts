import test, { type ExecutionContext } from 'ava';
import { totalsOf } from '../../src/gateway/cluster-totals.ts';
import { createPeers } from '../../src/gateway/peers.ts';
import { startGateway } from '../../src/gateway/server.ts';
import { systemClock } from '../../src/system-clock.ts';
import { freePorts } from '../cluster/ports.ts';
import { FakeClient } from './fake-client.ts';
import { gatewayOptions, problemOf, request, unsigned } from './harness.ts';

/** Gateways g1, g2 … of one cluster; those whose place in `running` is false are in the file alone. */
async function startGateways(t: ExecutionContext, running: readonly boolean[]) {
  const first = await freePorts(running.length);
  const ports = running.map((_, at) => first + at);
  const gateways = ports.map((port, at) => ({ id: `g${at + 1}`, http: `127.0.0.1:${port}` }));
  for (const [at, port] of ports.entries()) {
    if (!running[at]) continue;
    const id = `g${at + 1}`;
    const peers = createPeers({ gateways, id, signer: unsigned, clock: systemClock });
    const gateway = await startGateway({ ...gatewayOptions(new FakeClient()), gateways, id, peers, port });
    t.teardown(() => gateway.close());
  }
  return ports;
}

const nothing = {
  requests: 0,
  cacheHits: 0,
  cacheMisses: 0,
  hitRatio: null,
  originFetches: 0,
  leasesHeld: 0,
  requestsByServer: { r1: 0, r2: 0, r3: 0, g1: 0 },
  healthy: ['r1', 'r2', 'r3'],
  leader: 'r1',
  gateways: [{ id: 'g1', reached: true }],
};

async function metricsOf(port: number, query = ''): Promise<typeof nothing> {
  return JSON.parse((await request(port, 'GET', `/v1/cluster/metrics${query}`)).text);
}

test('before anything was asked everything is there, and nothing', async (t) => {
  const [port = 0] = await startGateways(t, [true]);
  t.deepEqual(await metricsOf(port), nothing);
});

test('what all gateways have counted is added up; with scope=this it is what one has', async (t) => {
  const [first = 0, second = 0] = await startGateways(t, [true, true]);
  for (const port of [first, second, second]) {
    await request(port, 'PUT', '/v1/kv/a', { body: 'v' });
    await request(port, 'GET', '/v1/kv/a?replica=r2');
  }
  t.deepEqual(await metricsOf(first), {
    ...nothing,
    requests: 6,
    originFetches: 3,
    requestsByServer: { ...nothing.requestsByServer, r1: 3, r2: 3, g2: 0 },
    gateways: [
      { id: 'g1', reached: true },
      { id: 'g2', reached: true },
    ],
  });
  t.deepEqual(await metricsOf(first, '?scope=this'), {
    ...nothing,
    requests: 2,
    originFetches: 1,
    requestsByServer: { ...nothing.requestsByServer, r1: 1, r2: 1 },
  });
});

test('a gateway that does not answer is named, with the reason, and the others are added up', async (t) => {
  const [first = 0] = await startGateways(t, [true, false]);
  await request(first, 'GET', '/v1/kv/a');
  const { requests, gateways } = (await metricsOf(first)) as { requests: number; gateways: readonly object[] };
  t.is(requests, 1);
  t.like(gateways[1], { id: 'g2', reached: false });
  t.regex((gateways[1] as { reason: string }).reason, /ECONNREFUSED/);
});

test('what a replica is, is told as this gateway knows it', async (t) => {
  const client = new FakeClient();
  client.leaderId = null;
  client.views = client.views.map((view) => ({ ...view, healthy: view.id === 'r2' }));
  const gateway = await startGateway(gatewayOptions(client));
  t.teardown(() => gateway.close());
  t.like(await metricsOf(gateway.address.port), { healthy: ['r2'], leader: null });
});

test('a scope that is none is refused', async (t) => {
  const [port = 0] = await startGateways(t, [true]);
  const response = await request(port, 'GET', '/v1/cluster/metrics?scope=all');
  t.is(response.status, 400);
  t.is(problemOf(t, response).detail, 'query parameter "scope": expected this or cluster, got "all"');
});

test('what another gateway says is believed only if it is what one of that name can say', (t) => {
  const counts = { requests: 9, cacheHits: 1, cacheMisses: 2, originFetches: 3, leasesHeld: 1 };
  const totals = { ...counts, requestsByServer: { r1: 4 } };
  const body = { ...totals, gateways: [{ id: 'g2', reached: true }] };
  t.is(totalsOf('g2', JSON.stringify(body))?.requests, 9);
  t.is(totalsOf('g2', 'no JSON'), null);
  const strange: readonly unknown[] = [
    null,
    [],
    'text',
    {},
    { ...body, gateways: [{ id: 'g3', reached: true }] },
    { ...body, gateways: [...body.gateways, { id: 'g3', reached: true }] },
    { ...body, gateways: 'g2' },
    { ...body, requests: -1 },
    { ...body, requests: 0.5 },
    { ...body, leasesHeld: true },
    { ...body, cacheHits: '1' },
    { ...body, originFetches: Number.POSITIVE_INFINITY },
    { ...body, requestsByServer: null },
    { ...body, requestsByServer: { 'no id': 1 } },
    { ...body, requestsByServer: { r1: -1 } },
    { ...body, requestsByServer: Object.fromEntries(Array.from({ length: 129 }, (_, at) => [`r${at}`, 1])) },
  ];
  for (const each of strange) t.is(totalsOf('g2', JSON.stringify(each)), null, JSON.stringify(each));
});
