/** What a gateway keeps, and what it loses to a leader's death, a scan, and a write among lists. */
import type { HttpAnswer, HttpClient } from '../cluster/http-client.ts';
import { writeOutcome } from '../cluster/http-client.ts';
import { pause } from '../cluster/wait.ts';
import { hits, isHit } from './cache-status.ts';
import { ReadingSocket } from './reading-socket.ts';
import { clusterFor, repetitions, systemTest } from './system-test.ts';

const parallel = 16;

/** Each once, some at a time, in this order. */
async function each<Item, Result>(items: readonly Item[], ask: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = new Array(items.length);
  let next = 0;
  const work = async () => {
    for (let position = next++; position < items.length; position = next++) {
      results[position] = await ask(items[position] as Item);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  return results;
}

const numbered = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, number) => `${prefix}${number}`);

async function store(client: HttpClient, keys: readonly string[], valueBytes = 100): Promise<void> {
  await each(keys, async (key) => {
    const outcome = await writeOutcome(client.put(key, key.padEnd(valueBytes, '.')));
    if (outcome !== 'acknowledged') throw new Error(`the write of ${key} was ${outcome}`);
  });
}

function countHits(answers: readonly HttpAnswer[]): number {
  return answers.filter((answer) => answer.status === 200 && isHit(answer)).length;
}

systemTest('the death of the leader costs a gateway neither its copies nor a storm of fetches', [], async (t) => {
  const cluster = await clusterFor(t);
  const client = cluster.client();
  const keys = numbered('kept/', 10_000);
  await store(client, keys);
  await each(keys, (key) => client.get(key));

  /** Of each fetch, when its answer came. */
  const fetchedAtMs: number[] = [];
  const stopping = new AbortController();
  const readAlong = async (own: number) => {
    for (let turn = own; !stopping.signal.aborted; turn += 1) {
      // Half of all reads are of what is written.
      const position = turn % 2 === 0 ? (turn / 2) % 50 : (turn * 7919) % keys.length;
      const answer = await client.get(keys[position] as string);
      if (!isHit(answer)) fetchedAtMs.push(performance.now());
    }
  };
  /** To a few keys, which are read again soon: what is written is fetched anew, and not lost with the leader. */
  const writeAlong = async () => {
    for (let turn = 0; !stopping.signal.aborted; turn += 1) {
      await writeOutcome(client.put(keys[turn % 50] as string, `written ${turn}`));
      await pause(5);
    }
  };
  const along = [writeAlong(), ...Array.from({ length: 8 }, (_, own) => readAlong(1000 * own))];
  const windowMs = 2_000;
  await pause(2 * windowMs);
  const leader = await cluster.someLeader();
  const killedAtMs = performance.now();
  await cluster.kill(leader);
  await pause(windowMs);
  stopping.abort();
  await Promise.all(along);

  const fetchedWithin = (fromMs: number, toMs: number) =>
    fetchedAtMs.filter((atMs) => atMs >= fromMs && atMs < toMs).length;
  const before = fetchedWithin(killedAtMs - windowMs, killedAtMs);
  const after = fetchedWithin(killedAtMs, killedAtMs + windowMs);
  await cluster.someLeader();
  const kept = countHits(await each(keys, (key) => client.get(key)));
  t.log(`${hits(kept, keys.length)} afterwards; fetches in 2 s: ${before} before, ${after} after`);
  t.true(kept >= 0.99 * keys.length);
  t.true(after <= 2 * before, `${before} fetches before, ${after} after`);
});

const fetches = 30_000;

systemTest(`round_robin spreads ${fetches} fetches over three replicas evenly`, [], async (t) => {
  const cluster = await clusterFor(t, { gatewayFlags: ['--balance', 'round_robin', '--coherence', 'off'] });
  const client = cluster.client();
  await store(client, ['spread']);
  const servers = async (count: number) =>
    (await each(numbered('', count), () => client.get('spread'))).map(({ headers }) => headers['bazar-served-by']);
  await cluster.waitFor(async () => new Set(await servers(cluster.replicas.length)).size === cluster.replicas.length, {
    description: 'every replica to have its turn',
  });

  const before = await readsByReplica(client);
  await servers(fetches);
  const after = await readsByReplica(client);
  const spread = cluster.replicas.map((id) => (after.get(id) ?? 0) - (before.get(id) ?? 0));
  t.log(cluster.replicas.map((id, position) => `${id} ${spread[position]}`).join(', '));
  for (const count of spread) t.true(Math.abs(count - fetches / 3) <= 1, `one replica was read from ${count} times`);
});

/** What the gateway has counted. A probe of a replica that nobody reads from would be among them. */
async function readsByReplica(client: HttpClient): Promise<ReadonlyMap<string, number>> {
  const { body } = await client.request('GET', '/metrics');
  const counts = new Map<string, number>();
  for (const [, labels = '', count] of body
    .toString()
    .matchAll(/^bazar_gateway_replica_requests_total\{(.*)\} (\d+)$/gm)) {
    const replica = /replica="(\w+)"/.exec(labels)?.[1];
    if (replica === undefined || !labels.includes('operation="read"')) continue;
    counts.set(replica, (counts.get(replica) ?? 0) + Number(count));
  }
  return counts;
}

systemTest('a scan of ten thousand keys leaves what is asked for often', [], async (t) => {
  // Room for the hot ones and a tenth of the others.
  const cluster = await clusterFor(t, { gatewayFlags: ['--cache-bytes', '2MiB'] });
  const client = cluster.client();
  const books = numbered('book/', 10_000);
  await store(client, books);
  const hot = books.slice(0, 500);
  for (let time = 0; time < 3; time += 1) await each(hot, (key) => client.get(key));
  t.is(countHits(await each(hot, (key) => client.get(key))), hot.length);
  const scanned = countHits(await each(books.slice(500), (key) => client.get(key)));
  t.is(scanned, 0, 'a scan that fits would show nothing');
  for (const prefix of numbered('book/', 10)) {
    await client.request('GET', '/v1/kv', { query: `prefix=${encodeURIComponent(prefix)}&limit=1000` });
  }
  const left = countHits(await each(hot, (key) => client.get(key)));
  t.log(`${hits(left, hot.length)} among 500 hot keys after the scan`);
  t.true(left >= 0.9 * hot.length);
});

const absences = repetitions('ABSENCES', 20_000, 100_000);

systemTest(`a storm of ${absences} reads of keys that are not there evicts no value`, [], async (t) => {
  const cacheBytes = 2 * 1024 * 1024;
  const cluster = await clusterFor(t, { gatewayFlags: ['--cache-bytes', `${cacheBytes}`] });
  const client = cluster.client();
  const books = numbered('book/', 1000);
  await store(client, books);
  await each(books, (key) => client.get(key));
  t.is(countHits(await each(books, (key) => client.get(key))), books.length);

  const bytesBefore = await cacheBytesOf(client, 'absence');
  const sockets = Array.from({ length: parallel }, () => new ReadingSocket(client.url));
  t.teardown(() => {
    for (const socket of sockets) socket.close();
  });
  let asked = 0;
  let missing = 0;
  const storm = async (socket: ReadingSocket) => {
    while (asked < absences) {
      asked += 1;
      if ((await socket.get(`none/${asked}`)).type === 'missing') missing += 1;
    }
  };
  await Promise.all(sockets.map(storm));
  t.is(missing, absences);
  const keptBytes = await cacheBytesOf(client, 'absence');
  t.true(keptBytes > bytesBefore, 'absences that were not kept would show nothing');
  t.true(keptBytes <= cacheBytes / 16, `${keptBytes} bytes of absences`);

  const kept = countHits(await each(books, (key) => client.get(key)));
  t.log(`${hits(kept, books.length)} among 1000 values afterwards; ${keptBytes} bytes of absences are kept`);
  t.is(kept, books.length);
});

async function cacheBytesOf(client: HttpClient, kind: string): Promise<number> {
  const { body } = await client.request('GET', '/metrics');
  return Number(
    new RegExp(`^bazar_gateway_cache_size_bytes\\{kind="${kind}"\\} (\\d+)$`, 'm').exec(body.toString())?.[1],
  );
}

systemTest('a write into one of a thousand lists leaves the others', [], async (t) => {
  const cluster = await clusterFor(t);
  const client = cluster.client();
  const prefixes = numbered('list/', 1000).map((prefix) => `${prefix}/`);
  await store(
    client,
    prefixes.map((prefix) => `${prefix}item`),
  );
  const list = (prefix: string) => client.request('GET', '/v1/kv', { query: `prefix=${encodeURIComponent(prefix)}` });
  for (let time = 0; time < 2; time += 1) await each(prefixes, list);
  t.is(countHits(await each(prefixes, list)), prefixes.length);
  await store(client, ['list/500/another']);
  const answers = await each(prefixes, list);
  const kept = countHits(answers);
  t.log(`${kept} of ${prefixes.length} lists are still hits`);
  t.false(isHit(answers[500] as HttpAnswer));
  t.true(answers[500]?.body.includes('list/500/another'));
  t.true(kept >= prefixes.length - 2);
});
