import test, { type ExecutionContext } from 'ava';
import { waitFor } from '../cluster/wait.ts';
import { checkLinearizability } from '../history/linearizability.ts';
import type { Finding, Operation } from '../history/operation.ts';
import { SeededRandom } from '../sim/random.ts';
import { CacheTally } from './cache-tally.ts';
import { Clients } from './clients.ts';
import { FakeStore, fakeGateway } from './fake-gateway.ts';
import { Tally } from './tally.ts';
import type { WorkloadOptions } from './workload.ts';

const zipf: WorkloadOptions = { type: 'zipf', keys: 20, writeShare: 0.2 };

const timeoutMs = 60_000;

interface Retired {
  readonly name: string;
  readonly keys: readonly string[];
  readonly goesOn: boolean;
  readonly recorded: number;
  readonly operations: readonly Operation[];
  readonly findings: readonly Finding[];
}

/** Clients at work on a store in memory, until `stop`. */
function work(t: ExecutionContext, workload: WorkloadOptions) {
  const store = new FakeStore(new SeededRandom(1));
  const putAt = new Map<string, Set<string>>();
  const gateways = ['g1', 'g2'].map((id) =>
    fakeGateway(id, store, (value) => {
      const [client = ''] = value.split('.');
      putAt.set(client, (putAt.get(client) ?? new Set()).add(id));
    }),
  );
  const retired: Retired[] = [];
  const tally = new Tally();
  const cacheTally = new CacheTally(['g1', 'g2']);
  const clients = new Clients({
    ...{ gateways, replicas: ['r1'], workload, rate: 10_000, seed: 1, tally, cacheTally },
    onRetired({ name, keys, opening, recorded, operations }, goesOn) {
      const findings = checkLinearizability(operations, { opening });
      retired.push({ name, keys, goesOn, recorded, operations, findings });
    },
  });
  const stop = async () => {
    await clients.stop();
    await clients.ended;
  };
  t.teardown(stop);
  return { store, putAt, retired, tally, cacheTally, stop };
}

const parts = (retired: readonly Retired[]) => retired.filter(({ goesOn }) => goesOn).length;

/** Of the puts of every third client, from this one on, that were acknowledged: after how many it read that key next. */
function shareReadBack(retired: readonly Retired[], first: number): number {
  const all = retired.flatMap(({ operations }) => operations).sort((a, b) => a.number - b.number);
  const byClient = Map.groupBy(all, ({ client }) => Number(client.slice('client-'.length)));
  const next = [...byClient]
    .filter(([number]) => number % 3 === first % 3)
    .flatMap(([, own]) =>
      own.flatMap(({ request, outcome }, place) =>
        request.type === 'put' && outcome.type === 'answered'
          ? [{ key: request.key, after: own[place + 1]?.request }]
          : [],
      ),
    );
  return next.filter(({ key, after }) => after?.type === 'get' && after.key === key).length / next.length;
}

test('histories of keys that live on are cut into parts, and some clients read at a gateway what they wrote at another', async (t) => {
  const { putAt, retired, tally, cacheTally, stop } = work(t, zipf);
  await waitFor(() => parts(retired) >= 3, { description: 'three parts', timeoutMs });
  await stop();
  t.deepEqual(
    retired.flatMap(({ findings }) => findings),
    [],
  );
  t.is(
    retired.reduce((sum, { recorded }) => sum + recorded, 0),
    tally.recorded,
  );
  const last = retired.filter(({ goesOn }) => !goesOn);
  t.is(last.length, 2);
  t.is(new Set(last.flatMap(({ keys }) => keys)).size, 20);
  t.is(new Set(retired.map(({ name }) => name)).size, retired.length);
  const { all } = cacheTally.report();
  t.true(all.reads > 1000 && all.hits > 0 && all.hits <= all.reads);
  // Those of unknown outcome are in more than one part.
  const writes = new Set(
    retired
      .flatMap(({ operations }) => operations)
      .filter(({ request }) => /put|delete/.test(request.type))
      .map(({ number }) => number),
  );
  t.true(Math.abs(writes.size / tally.recorded - 0.2) < 0.03, `${writes.size} of ${tally.recorded} write`);
  // The third client asks both gateways, the others stay at theirs.
  const seen = [1, 2, 3].map((number) => [...(putAt.get(`client-${number}`) ?? [])].sort());
  t.deepEqual(seen, [['g1'], ['g2'], ['g1', 'g2']]);
  const back = [1, 2, 3].map((number) => shareReadBack(retired, number));
  t.true(
    back.every((share, place) => (place === 2 ? share > 0.5 : share < 0.5)),
    `${back}`,
  );
});

test('what was true of an earlier part is found when it is shown again', async (t) => {
  const { store, retired, stop } = work(t, zipf);
  await waitFor(() => parts(retired) >= 2, { description: 'two parts', timeoutMs });
  t.deepEqual(
    retired.flatMap(({ findings }) => findings),
    [],
  );
  store.freeze();
  const before = parts(retired);
  await waitFor(() => parts(retired) >= before + 3, { description: 'three more parts', timeoutMs });
  await stop();
  // There are two groups: the third part has begun after that moment.
  const [third] = retired.filter(({ goesOn }) => goesOn).slice(before + 2);
  t.true((third?.findings.length ?? 0) > 0);
});

test('groups of the mixed workload come to an end, and each is linearizable', async (t) => {
  const { retired, tally, stop } = work(t, { type: 'mixed' });
  await waitFor(() => retired.length >= 4, { description: 'four groups', timeoutMs });
  await stop();
  t.deepEqual(
    retired.flatMap(({ findings }) => findings),
    [],
  );
  t.true(retired.every(({ goesOn }) => !goesOn));
  t.is(new Set(retired.map(({ name }) => name)).size, retired.length);
  t.is(
    retired.reduce((sum, { recorded }) => sum + recorded, 0),
    tally.recorded,
  );
});
