/**
 * Many clients increment one number by compare-and-set. The value says how many increments of each client it holds,
 * so that a client whose write ended in the unknown can find out what became of it, and a write that was applied twice,
 * or after it had been refused, shows.
 */
import type { Cluster } from '../cluster/cluster.ts';
import { type HttpClient, json } from '../cluster/http-client.ts';
import { clusterFor, repetitions, systemTest } from './system-test.ts';

const clients = 64;
const kills = repetitions('COUNTER_KILLS', 5, 5);
const incrementsBetweenKills = 100;

interface Counter {
  readonly count: number;
  readonly increments: Readonly<Record<string, number>>;
}

interface Tally {
  acknowledged: number;
  /** Answered with an unknown outcome, and found to have been applied. */
  found: number;
  lostRaces: number;
  unanswered: number;
  readonly violations: string[];
}

systemTest(`${clients} clients count exactly through ${kills} leader kills`, [], async (t) => {
  const cluster = await clusterFor(t);
  const client = cluster.client();
  const created = await client.put('counter', JSON.stringify({ count: 0, increments: {} } satisfies Counter));
  t.is(created.status, 201);
  const tally: Tally = { acknowledged: 0, found: 0, lostRaces: 0, unanswered: 0, violations: [] };
  const stopping = new AbortController();
  const counting = Array.from({ length: clients }, (_, id) => count(client, `c${id}`, tally, stopping.signal));
  await Promise.all([killLeaders(cluster, tally).finally(() => stopping.abort()), ...counting]);

  const answer = await client.get('counter');
  const final = json<Counter>(answer);
  const { acknowledged, found, lostRaces, unanswered, violations } = tally;
  t.log(`${final.count} increments: ${acknowledged} acknowledged, ${found} found to have been applied`);
  t.log(`${lostRaces} lost races, ${unanswered} answers that did not say`);
  t.deepEqual(violations, []);
  t.is(final.count, acknowledged + found);
  t.is(
    Object.values(final.increments).reduce((sum, own) => sum + own, 0),
    final.count,
  );
});

async function killLeaders(cluster: Cluster, tally: Tally): Promise<void> {
  const moreIncrements = async () => {
    const goal = tally.acknowledged + incrementsBetweenKills;
    await cluster.waitFor(() => tally.acknowledged >= goal, { description: `${goal} increments`, timeoutMs: 60_000 });
  };
  for (let kill = 1; kill <= kills; kill += 1) {
    await moreIncrements();
    const leader = await cluster.someLeader();
    await cluster.kill(leader);
    await cluster.start(leader);
  }
  await moreIncrements();
}

/** Increments until told to stop; never leaves an increment whose outcome it does not know. */
async function count(client: HttpClient, id: string, tally: Tally, stopping: AbortSignal): Promise<void> {
  let own = 0;
  /** The revision upon which an increment of unknown outcome would be applied. */
  let pendingOn: string | null = null;
  while (!stopping.aborted || pendingOn !== null) {
    const read = await client.get('counter');
    if (read.status !== 200) continue;
    const revision = read.headers.etag ?? '';
    const { count: before, increments } = json<Counter>(read);
    const stored = increments[id] ?? 0;
    if (pendingOn !== null && stored === own + 1) {
      tally.found += 1;
      own += 1;
      pendingOn = null;
    } else if (pendingOn !== null && revision !== pendingOn) {
      // The key has moved on: the condition of the pending increment can never hold again.
      pendingOn = null;
    }
    if (stored !== own) tally.violations.push(`${id} has made ${own} increments, ${stored} are stored`);
    if (stored !== own || (stopping.aborted && pendingOn === null)) return;

    const next: Counter = { count: before + 1, increments: { ...increments, [id]: own + 1 } };
    const headers = { 'if-match': revision };
    const status = await client.put('counter', JSON.stringify(next), { headers }).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) {
      tally.acknowledged += 1;
      own += 1;
      pendingOn = null;
    } else if (status === 412) {
      // Refused, unless it was the earlier attempt of unknown outcome that moved the key: the next read tells.
      tally.lostRaces += 1;
    } else {
      tally.unanswered += 1;
      // 503 and 429 promise that nothing was applied; of a 504, or of no answer, nothing is known.
      if (status !== 503 && status !== 429) pendingOn = revision;
    }
  }
}
