/** The shop with real processes: many who want the last copies while the leader dies, and one list everywhere. */
import type { HttpAnswer, HttpClient } from '../cluster/http-client.ts';
import { json } from '../cluster/http-client.ts';
import { pause } from '../cluster/wait.ts';
import { isHit } from './cache-status.ts';
import { fillShop, jsonBody } from './shop.ts';
import { clusterFor, systemTest } from './system-test.ts';

const book = '3';
const copies = 50;
const clients = 200;
/** Whoever has no answer asks again for so long. */
const patienceMs = 120_000;

interface Definite {
  readonly status: number;
  readonly body: string;
  /** Answers that left open what had become of the order, or said that nothing was done, and lost connections. */
  readonly triesBefore: number;
}

function order(client: HttpClient, key: string): Promise<HttpAnswer> {
  const { headers, body } = jsonBody({ book, quantity: 1 });
  return client.request('POST', '/v1/orders', {
    headers: { ...headers, 'Idempotency-Key': key },
    body,
    query: 'timeout=2s',
  });
}

/** Bought or sold out, and nothing else. */
function isDefinite({ status, body }: HttpAnswer): boolean {
  return status === 201 || (status === 409 && JSON.parse(body.toString()).code === 'sold_out');
}

/** At one gateway after the other, until there is a definite answer. */
async function insist(gateways: readonly HttpClient[], key: string, first: number): Promise<Definite> {
  const until = performance.now() + patienceMs;
  for (let tries = 0; performance.now() < until; tries += 1) {
    const gateway = gateways[(first + tries) % gateways.length] as HttpClient;
    const answer = await order(gateway, key).catch(() => null);
    if (answer !== null && isDefinite(answer)) {
      return { status: answer.status, body: answer.body.toString(), triesBefore: tries };
    }
    if (answer !== null && answer.status < 500 && answer.status !== 429 && answer.status !== 409) {
      throw new Error(`an order was answered ${answer.status}: ${answer.body}`);
    }
    await pause(50);
  }
  throw new Error(`${key} had no definite answer for ${patienceMs} ms`);
}

systemTest(
  `${clients} clients buy the last ${copies} copies at two gateways while the leader is killed: ${copies} do`,
  [],
  async (t) => {
    const cluster = await clusterFor(t, { gateways: 2 });
    const gateways = cluster.gateways.map((id) => cluster.client(id));
    const [gateway] = gateways as [HttpClient];
    await fillShop(gateway);
    const update = await gateway.request('PUT', `/update/${book}`, jsonBody({ quantity: copies }));
    t.is(update.status, 200, update.body.toString());

    let bought = 0;
    let killed: Promise<void> | null = null;
    const kill = async () => {
      await cluster.kill(await cluster.someLeader());
    };
    const keys = Array.from({ length: clients }, (_, nth) => `client ${nth}`);
    const answers = await Promise.all(
      keys.map(async (key, nth) => {
        const answer = await insist(gateways, key, nth);
        bought += answer.status === 201 ? 1 : 0;
        // In the middle: some have bought, and most are on their way.
        if (bought === 5) killed ??= kill();
        return answer;
      }),
    );
    t.not(killed, null);
    await killed;

    const orders = json<{ items: { id: string; book: string; quantity: number }[] }>(
      await gateway.request('GET', '/v1/orders', { query: `book=${book}&limit=1000` }),
    ).items;
    const buyers = answers.filter(({ status }) => status === 201);
    const again = answers.reduce((sum, { triesBefore }) => sum + triesBefore, 0);
    t.log(`${buyers.length} bought, ${answers.length - buyers.length} sold out; ${again} answers were not definite`);
    t.is(buyers.length, copies);
    t.is(orders.length, copies);
    t.deepEqual(orders.map(({ id }) => id).sort(), buyers.map(({ body }) => JSON.parse(body).id).sort());
    for (const { body } of [await gateway.request('GET', `/info/${book}`)]) {
      t.is(JSON.parse(body.toString()).quantity, 0);
    }

    let replayed = 0;
    for (const [nth, key] of keys.entries()) {
      const answer = await order(gateways[(nth + 1) % gateways.length] as HttpClient, key);
      replayed += answer.headers['idempotency-replayed'] === '?1' ? 1 : 0;
      t.deepEqual([answer.status, answer.body.toString()], [answers[nth]?.status, answers[nth]?.body], key);
    }
    t.is(replayed, clients);
    await cluster.agreement();
  },
);

const reads = 300;

systemTest(
  `after one employee is taken on, ${reads} reads at all gateways and replicas show one list`,
  [],
  async (t) => {
    const cluster = await clusterFor(t, {
      gateways: 4,
      gatewayFlags: (id) => ['--coherence', id === 'g1' || id === 'g2' ? 'lease' : 'off'],
    });
    const employee = (firstName: string) =>
      jsonBody({ firstName, lastName: 'Lovelace', position: 'Clerk', salary: 4200 });
    const client = cluster.client('g1');
    const take = async (firstName: string) => {
      const { status, body } = await client.request('POST', '/employees', employee(firstName));
      t.is(status, 201, body.toString());
    };
    for (const name of ['Ada', 'Byron', 'Annabella']) await take(name);
    const read = (nth: number) => {
      const gateway = cluster.client(cluster.gateways[nth % cluster.gateways.length]);
      const replica = [null, ...cluster.replicas][Math.floor(nth / cluster.gateways.length) % 4] ?? null;
      return gateway.request('GET', '/employees', replica === null ? {} : { query: `replica=${replica}` });
    };
    // What is kept from before the last one came must not be shown after it.
    await Promise.all(Array.from({ length: 16 }, (_, nth) => read(nth)));
    await take('Ralph');
    const answers = await Promise.all(Array.from({ length: reads }, (_, nth) => read(nth)));
    const lists = new Set(answers.map(({ body }) => body.toString()));
    t.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    t.is(lists.size, 1);
    const [list = '[]'] = lists;
    t.deepEqual((JSON.parse(list) as { firstName: string }[]).map(({ firstName }) => firstName).sort(), [
      'Ada',
      'Annabella',
      'Byron',
      'Ralph',
    ]);
    const servers = new Set(answers.map(({ headers }) => String(headers['bazar-served-by'])));
    t.log(`${answers.filter(isHit).length} hits; served by ${[...servers].sort().join(', ')}`);
    for (const replica of cluster.replicas) t.true(servers.has(replica), replica);
    t.true(answers.some(isHit));
  },
);
