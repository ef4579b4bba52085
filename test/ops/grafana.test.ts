import { readFileSync } from 'node:fs';
import test from 'ava';
import { createGatewayMetrics, createReplicaMetrics, type ReplicaGauges } from '../../src/metrics.ts';
import { expressionsOf, groupingLabelsIn, namesIn, opsDirectory, readBoard, selectorsIn } from './dashboard.ts';

/** A metric as it is exported, with the values of each of its labels. */
interface Exported {
  readonly type: string;
  readonly help: string;
  readonly labels: Map<string, Set<string>>;
}

/** What a gateway and a replica export, under the names of their series. */
async function exported(): Promise<ReadonlyMap<string, Exported>> {
  const gateway = createGatewayMetrics({
    version: '1',
    store: () => ({
      leader: 'r1',
      replicas: [{ id: 'r1', healthy: true, inFlight: 0, ejected: false, ejections: 0 }],
      retries: 0,
      retriesRefused: 0,
    }),
  });
  gateway.mayAnswer('r1');
  for (const route of ['/v1/kv', '/v1/kv/{key}']) gateway.requestEnded(route, 'GET', '503', 0.001);
  const status: ReplicaGauges = {
    ...{ role: 'leader', state: 'normal', term: 1, leaderChanges: 1 },
    ...{ lastIndex: 1, commitIndex: 1, publishIndex: 1, appliedIndex: 1 },
  };
  const streams = { streams: 0, messages: 0, congestions: 0 };
  const conduct = { id: 'g1', waitedMs: 0, excluded: false, exclusions: { late: 0, silent: 0 } };
  const replica = createReplicaMetrics({
    version: '1',
    status: () => status,
    streams: () => streams,
    leases: () => ({ grants: 0, gateways: [conduct] }),
  });
  const all = new Map<string, Exported>([
    ['up', { type: 'gauge', help: '', labels: new Map([['job', new Set(jobs)]]) }],
  ]);
  for (const { body } of [await gateway.render(), await replica.render()]) {
    let [help, type] = ['', ''];
    for (const line of body.split('\n')) {
      help = /^# HELP \S+ (.*)$/.exec(line)?.[1] ?? help;
      type = /^# TYPE \S+ (\S+)$/.exec(line)?.[1] ?? type;
      const [, name, labels = ''] = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
      if (name === undefined) continue;
      const metric = all.get(name) ?? { type, help, labels: new Map() };
      all.set(name, metric);
      for (const [, label = '', value = ''] of labels.matchAll(/(\w+)="([^"]*)"/g)) {
        metric.labels.set(label, (metric.labels.get(label) ?? new Set()).add(value));
      }
    }
  }
  return all;
}

const jobs = ['bazar-replica', 'bazar-gateway'];
const board = readBoard();
const expressions = expressionsOf(board);
const text = (file: string) => readFileSync(new URL(file, opsDirectory), 'utf8');

test('every panel says what it shows, has a place of its own, and asks the data source that is provisioned', (t) => {
  const source = /^ {4}uid: (\S+)$/m.exec(text('grafana/provisioning/datasources/bazar.yml'))?.[1];
  t.is(board.uid, 'bazar-cluster');
  t.is(new Set(board.panels.map(({ id }) => id)).size, board.panels.length);
  const taken = new Set<string>();
  for (const { type, title, description = '', gridPos, targets = [], datasource } of board.panels) {
    t.not(title, '');
    t.true(gridPos.x + gridPos.w <= 24, title);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        t.false(taken.has(`${x} ${y}`), `${title} lies over another panel`);
        taken.add(`${x} ${y}`);
      }
    }
    if (type === 'row') continue;
    t.true(description.length > 10, title);
    t.true(targets.length > 0, title);
    for (const asked of [datasource, ...targets.map((target) => target.datasource)]) t.is(asked?.uid, source, title);
  }
});

test('every metric that a panel names is exported, with the labels and values it is selected by', async (t) => {
  const metrics = await exported();
  const added = ['instance', 'job'];
  for (const { title, expr } of expressions) {
    const selectors = selectorsIn(expr);
    t.deepEqual(
      namesIn(expr),
      selectors.map(({ metric }) => metric),
      `${title}: a name that is neither a function nor a metric`,
    );
    const known = new Set(added);
    for (const { metric, matchers } of selectors) {
      const labels = metrics.get(metric)?.labels;
      t.truthy(labels, `${title}: nobody exports ${metric}`);
      for (const label of labels?.keys() ?? []) known.add(label);
      for (const { label, operator, values } of matchers) {
        const present = [...(labels?.get(label) ?? [])];
        for (const value of values) {
          const isThere = operator.includes('~')
            ? present.some((one) => new RegExp(`^(?:${value})$`).test(one))
            : present.includes(value);
          t.true(isThere, `${title}: ${metric} has no ${label} like ${value}`);
        }
      }
    }
    for (const label of groupingLabelsIn(expr)) t.true(known.has(label), `${title}: no metric in it has ${label}`);
  }
});

test('what only grows is shown as a rate over the interval of the scrapes, and nothing else is', async (t) => {
  const metrics = await exported();
  const isRate = (within: string | null) => within === 'rate' || within === 'changes';
  for (const { title, expr } of expressions) {
    for (const { metric, range, within } of selectorsIn(expr)) {
      const grows = ['counter', 'histogram'].includes(metrics.get(metric)?.type ?? '');
      t.is(isRate(within), grows, `${title}: ${metric}`);
      t.is(range, grows ? (within === 'rate' ? '$__rate_interval' : '1m') : null, `${title}: ${metric}`);
    }
  }
});

test('Prometheus scrapes every member of the cluster that npm start brings up, under its id', (t) => {
  const configuration = text('prometheus/prometheus.yml');
  const targets = configuration.matchAll(/targets: \['(\S+)'\]\n +labels: \{ instance: (\w+) \}/g);
  t.deepEqual(
    [...targets].map(([, address, id]) => `${id} ${address}`),
    ['r1 127.0.0.1:7201', 'r2 127.0.0.1:7202', 'r3 127.0.0.1:7203', 'g1 127.0.0.1:8080'],
  );
  t.deepEqual(
    [...configuration.matchAll(/job_name: (\S+)/g)].map(([, job]) => job),
    jobs,
  );
});

test('the list of metrics is the one that is exported', async (t) => {
  const metrics = await exported();
  const rows = [...metrics].flatMap(([series, { type, help, labels }]) => {
    if (!series.startsWith('bazar_') || (type === 'histogram' && !series.endsWith('_count'))) return [];
    const name = type === 'histogram' ? series.replace(/_count$/, '') : series;
    const named = [...labels.keys()].map((label) => `\`${label}\``).join(', ');
    return [`| \`${name}\` | ${type} | ${named} | ${help} |`];
  });
  const listed = text('README.md').match(/^\| `bazar_.*$/gm) ?? [];
  t.deepEqual(listed.toSorted(), rows.toSorted());
});

test('an expression is read as it should be', (t) => {
  const expr = 'sum by (le, a) (rate(bazar_x_total{a=~"b|c",d!="e"}[5m])) / on (f) bazar_y or vector(0)';
  t.deepEqual(namesIn(expr), ['bazar_x_total', 'bazar_y']);
  t.deepEqual(groupingLabelsIn(expr), ['le', 'a', 'f']);
  t.deepEqual(selectorsIn(expr), [
    {
      metric: 'bazar_x_total',
      matchers: [
        { label: 'a', operator: '=~', values: ['b', 'c'] },
        { label: 'd', operator: '!=', values: ['e'] },
      ],
      range: '5m',
      within: 'rate',
    },
    { metric: 'bazar_y', matchers: [], range: null, within: null },
  ]);
});
