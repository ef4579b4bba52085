/** The metrics of a gateway. Everything that requests do is counted in plain numbers. */
import type { Registry } from 'prom-client';
import {
  addCounter,
  addGauge,
  bindLabels,
  createRegistry,
  Histogram,
  type HistogramSeries,
  type MetricsOptions,
  type Row,
  render,
  requestBuckets,
  rowsOf,
  single,
  snakeCase,
  zeros,
} from './registry.ts';

/** Of what a store client reports of each attempt. */
export interface Attempt {
  readonly replica: string;
  readonly operation: (typeof operations)[number];
  readonly outcome: (typeof attemptOutcomes)[number];
  /** Commands or queries in the message; 1 for a read index, and for changes. */
  readonly count: number;
  readonly seconds: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

const operations = ['read', 'write', 'readIndex', 'changes'] as const;
const attemptOutcomes = ['ok', 'refused', 'failed'] as const;

/**
 * How a read was answered. `hit`: from memory; `miss`: nothing was kept; `stale`: what was kept was not proven to be
 * current; `collapsed`: with what another read had fetched; `request`: the request wanted a replica to be asked;
 * `bypass`: it is no business of the cache; `onlyIfCached`: not, as the request wanted no replica to be asked.
 */
const cacheResults = ['hit', 'miss', 'stale', 'collapsed', 'request', 'bypass', 'onlyIfCached'] as const;
export type CacheResult = (typeof cacheResults)[number];

const entryKinds = ['value', 'absence', 'list', 'document', 'search'] as const;
/** `none`: nobody could answer, or a replica has refused the search. */
const answerKinds = [...entryKinds, 'none'] as const;
export type AnswerKind = (typeof answerKinds)[number];

const evictionCauses = ['size', 'expired', 'purged', 'stale'] as const;

/**
 * What became of an answer that could have been kept. `belowFloor`: it may be older than a write, or soon be; `full`:
 * fetched to warm up, it is not worth another one's place.
 */
const fillOutcomes = ['stored', 'belowFloor', 'tooLarge', 'firstSight', 'superseded', 'expired', 'full'] as const;
export type FillOutcome = (typeof fillOutcomes)[number];

const receipts = ['processed', 'gap', 'ignored'] as const;

/** Of what was kept, to be current. `noLeader`: none confirmed an index; `behind`: the stream did not come to it. */
const proofOutcomes = ['proven', 'noLeader', 'behind'] as const;
export type ProofOutcome = (typeof proofOutcomes)[number];

/**
 * How a lease was lost. `stream`: the stream broke, or another one began, as after a change of leaders; `idle`: no read
 * had wanted one for a while; `unrenewed`: it ended, and the leader had not answered; `refused`: the leader grants none for a while; `behind`: the log was not told up to
 * where the leader had renewed it; `clocks`: wall time and monotonic time disagreed about how long it had lasted.
 */
const leaseLosses = ['stream', 'idle', 'unrenewed', 'refused', 'behind', 'clocks'] as const;
export type LeaseLoss = (typeof leaseLosses)[number];

/** Counts are since the start. */
export interface LeaseGauges {
  readonly held: boolean;
  /** How often one was asked for, and what the leader answered. */
  readonly requests: number;
  readonly grants: number;
  readonly refusals: number;
  readonly losses: Readonly<Record<LeaseLoss, number>>;
}

/** What the cache tells at a scrape. */
export interface CacheGauges {
  readonly capacityBytes: number;
  readonly bytes: Readonly<Record<(typeof entryKinds)[number], number>>;
  readonly entries: Readonly<Record<(typeof entryKinds)[number], number>>;
  readonly evictions: Readonly<Record<(typeof evictionCauses)[number], number>>;
  readonly publishedIndex: number;
  readonly streamLive: boolean;
  /** Null where none is asked for. */
  readonly lease: LeaseGauges | null;
}

/** What has become, since the start, of the questions that were hot before it. */
export interface WarmUpGauges {
  readonly warmed: number;
  readonly skipped: number;
}

/** What the store client tells at a scrape. */
export interface StoreGauges {
  readonly leader: string | null;
  readonly replicas: readonly {
    readonly id: string;
    readonly healthy: boolean;
    readonly inFlight: number;
    readonly ejected: boolean;
    readonly ejections: number;
  }[];
  readonly retries: number;
  readonly retriesRefused: number;
}

export interface GatewayMetricsOptions extends MetricsOptions {
  /** Asked at every scrape. */
  readonly store: () => StoreGauges;
}

const watchForms = ['sse', 'ndjson', 'longPoll'] as const;
/** `left`: the client closed it; a long poll was answered. */
const watchEnds = ['left', 'slow', 'compacted', 'closing'] as const;
const pollOutcomes = ['found', 'nothing', 'compacted', 'unavailable'] as const;

export interface WatchGauges {
  readonly watchers: Readonly<Record<(typeof watchForms)[number], number>>;
  readonly changes: number;
  readonly ends: Readonly<Record<(typeof watchEnds)[number], number>>;
  /** `tail`: for all watches that are at the head; `page`: for one that is behind. */
  readonly polls: Readonly<Record<'tail' | 'page', Readonly<Record<(typeof pollOutcomes)[number], number>>>>;
}

const nothingWatched: WatchGauges = {
  watchers: zeros(watchForms),
  changes: 0,
  ends: zeros(watchEnds),
  polls: { tail: zeros(pollOutcomes), page: zeros(pollOutcomes) },
};

/** Counts since the process began, and of gateways that hold a lease at this moment. */
export interface GatewayTotals {
  /** For keys, that have ended, whatever became of them. */
  readonly requests: number;
  readonly cacheHits: number;
  /** Reads that the cache could have answered and did not. */
  readonly cacheMisses: number;
  /** Reads that a replica was asked for. */
  readonly originFetches: number;
  readonly leasesHeld: number;
  /** Requests by who answered them: a replica, or the gateway itself from memory. */
  readonly requestsByServer: Readonly<Record<string, number>>;
}

export type GatewayMetrics = ReturnType<typeof createGatewayMetrics>;

/** Is itself the observer of the gateway's store client. */
export function createGatewayMetrics({ store, ...options }: GatewayMetricsOptions) {
  const registry = createRegistry(options);
  const requests = addRequestMetrics(registry);
  const reads = addReadMetrics(registry);
  const coherence = addCoherenceMetrics(registry);
  const watches = addWatchMetrics(registry);
  const replicas = addReplicaMetrics(registry, store);
  return {
    ...requests.observer,
    ...reads.observer,
    ...coherence.observer,
    ...replicas.observer,
    /** From now on this is what the gauges of the cache show. */
    showCache(gauges: () => CacheGauges): void {
      reads.show(gauges);
      coherence.show(gauges);
    },
    showWarmUp: reads.showWarmUp,
    showWatches: watches.show,
    totals: (): GatewayTotals => ({
      requests: requests.forData(),
      leasesHeld: coherence.holdsLease() ? 1 : 0,
      ...reads.totals(),
    }),
    render: () => render(registry),
  };
}

/** Routes of the cluster, the process and the page; all others are of data. */
const otherRoutes = [
  ...['/livez', '/readyz', '/metrics', '/version', '/openapi.json', '/', '/style.css', '/page.js', '/icon.svg'],
  ...['/v1/cluster', '/v1/cluster/metrics', '/v1/cluster/hash', '/v1/cache', '/cache/invalidate', 'unmatched'],
];

function addRequestMetrics(registry: Registry) {
  const durations = new Histogram(registry, {
    name: 'bazar_http_request_duration_seconds',
    help: 'From the head of a request to the end of its response.',
    buckets: requestBuckets,
  });
  const requests = bindLabels((route: string, method: string, code: string) => {
    const labels = { route, method, code };
    return { labels, seconds: durations.series(labels), total: 0 };
  });
  addCounter(registry, {
    name: 'bazar_http_requests_total',
    help: 'Requests that ended; code 499 if the client did not wait for the response.',
    labelNames: ['route', 'method', 'code'],
    rows: () => requests.all().map(({ labels, total }) => [labels, total]),
  });
  let inFlight = 0;
  addGauge(registry, {
    name: 'bazar_http_requests_in_flight',
    help: 'Requests that have begun and not ended.',
    rows: () => single(inFlight),
  });
  return {
    observer: {
      requestBegan(): void {
        inFlight += 1;
      },
      /** `route` is its template. */
      requestEnded(route: string, method: string, code: string, seconds: number): void {
        inFlight -= 1;
        const series = requests.of(route, method, code);
        series.seconds.observe(seconds);
        series.total += 1;
      },
    },
    forData(): number {
      const ofData = requests.all().filter(({ labels }) => !otherRoutes.includes(labels.route));
      return ofData.reduce((sum, { total }) => sum + total, 0);
    },
  };
}

const nothingCached: CacheGauges = {
  capacityBytes: 0,
  bytes: zeros(entryKinds),
  entries: zeros(entryKinds),
  evictions: zeros(evictionCauses),
  publishedIndex: 0,
  streamLive: false,
  lease: null,
};

const noLease: LeaseGauges = { held: false, requests: 0, grants: 0, refusals: 0, losses: zeros(leaseLosses) };

function addReadMetrics(registry: Registry) {
  let gauges = () => nothingCached;
  let warmUp = (): WarmUpGauges => ({ warmed: 0, skipped: 0 });
  const results = Object.fromEntries(cacheResults.map((result) => [result, zeros(answerKinds)])) as Readonly<
    Record<CacheResult, Record<AnswerKind, number>>
  >;
  const fills = zeros(fillOutcomes);
  const answers = new Map<string, number>();
  let fetches = 0;
  const sumOf = (result: CacheResult) => answerKinds.reduce((sum, kind) => sum + results[result][kind], 0);

  addCounter(registry, {
    name: 'bazar_gateway_cache_requests_total',
    help: 'Reads, by how they were answered: miss if nothing was kept, stale if it was not proven to be current.',
    labelNames: ['result', 'kind'],
    rows: () =>
      cacheResults.flatMap((result) =>
        answerKinds.map((kind): Row => [{ result: snakeCase(result), kind }, results[result][kind]]),
      ),
  });
  addCounter(registry, {
    name: 'bazar_gateway_cache_fills_total',
    help: 'Answers that could have been kept, by what became of them; below_floor were refused as possibly outdated.',
    labelNames: ['outcome'],
    rows: () => rowsOf('outcome', fills),
  });
  addCounter(registry, {
    name: 'bazar_gateway_cache_evictions_total',
    help: 'Entries that went, by cause; stale ones were found to be true no longer.',
    labelNames: ['cause'],
    rows: () => rowsOf('cause', gauges().evictions),
  });
  addGauge(registry, {
    name: 'bazar_gateway_cache_entries',
    help: 'Answers that are kept.',
    labelNames: ['kind'],
    rows: () => rowsOf('kind', gauges().entries),
  });
  addGauge(registry, {
    name: 'bazar_gateway_cache_size_bytes',
    help: 'What the kept answers take of memory, names and headers included.',
    labelNames: ['kind'],
    rows: () => rowsOf('kind', gauges().bytes),
  });
  addGauge(registry, {
    name: 'bazar_gateway_cache_capacity_bytes',
    help: 'What the kept answers may take of memory; 0 if nothing is kept.',
    rows: () => single(gauges().capacityBytes),
  });
  addCounter(registry, {
    name: 'bazar_gateway_warm_up_total',
    help: 'Questions that were hot before the start, by what became of them; skipped are those that were not kept, or there already.',
    labelNames: ['outcome'],
    rows: () => rowsOf('outcome', { ...warmUp() }),
  });
  addCounter(registry, {
    name: 'bazar_gateway_fetches_total',
    help: 'Reads that a replica was asked for, retries not counted.',
    rows: () => single(fetches),
  });
  addCounter(registry, {
    name: 'bazar_gateway_answers_total',
    help: 'Requests for keys, by who answered: a replica, or the gateway itself from memory.',
    labelNames: ['server'],
    rows: () => answers.entries().map(([server, count]): Row => [{ server }, count]),
  });
  return {
    observer: {
      readEnded(result: CacheResult, kind: AnswerKind): void {
        results[result][kind] += 1;
      },
      /** Before the first answer, so that there is a series for everybody who may give one. */
      mayAnswer(server: string): void {
        if (!answers.has(server)) answers.set(server, 0);
      },
      /** `server`: one of those who may. */
      answered(server: string): void {
        answers.set(server, (answers.get(server) ?? 0) + 1);
      },
      fetched(): void {
        fetches += 1;
      },
      filled(outcome: FillOutcome): void {
        fills[outcome] += 1;
      },
    },
    show(shown: () => CacheGauges): void {
      gauges = shown;
    },
    /** From now on this is what the counter shows. */
    showWarmUp(shown: () => WarmUpGauges): void {
      warmUp = shown;
    },
    totals: () => ({
      cacheHits: sumOf('hit'),
      cacheMisses: sumOf('miss') + sumOf('stale') + sumOf('collapsed'),
      originFetches: fetches,
      requestsByServer: Object.fromEntries(answers),
    }),
  };
}

function addCoherenceMetrics(registry: Registry) {
  let gauges = () => nothingCached;
  const messages = zeros(receipts);
  const proofs = zeros(proofOutcomes);
  let touches = 0;
  let baseFloors = 0;
  let streams = 0;

  addGauge(registry, {
    name: 'bazar_gateway_published_index',
    help: 'Up to here every published entry of the log has ended what it touches.',
    rows: () => single(gauges().publishedIndex),
  });
  addGauge(registry, {
    name: 'bazar_gateway_stream_live',
    help: '1 while the leader tells this gateway what is touched; without that nothing is served from memory.',
    rows: () => single(gauges().streamLive ? 1 : 0),
  });
  const lease = () => gauges().lease ?? noLease;
  addGauge(registry, {
    name: 'bazar_gateway_lease_held',
    help: '1 while this gateway may answer from memory without a question; otherwise it proves each hit.',
    rows: () => single(lease().held ? 1 : 0),
  });
  addCounter(registry, {
    name: 'bazar_gateway_lease_requests_total',
    help: 'How often the leader was asked for a lease, or to renew it.',
    rows: () => single(lease().requests),
  });
  addCounter(registry, {
    name: 'bazar_gateway_lease_answers_total',
    help: 'What the leader answered to that; it does not answer while it can grant nothing, as at the beginning of its term.',
    labelNames: ['answer'],
    rows: () => rowsOf('answer', { granted: lease().grants, refused: lease().refusals }),
  });
  addCounter(registry, {
    name: 'bazar_gateway_lease_losses_total',
    help: 'Leases that were held and then were not, by cause; a gap that the next renewal closes counts as one.',
    labelNames: ['cause'],
    rows: () => rowsOf('cause', lease().losses),
  });
  addCounter(registry, {
    name: 'bazar_gateway_stream_begins_total',
    help: 'Streams that were asked for; more than one for each leader: they broke, or could not be heard.',
    rows: () => single(streams),
  });
  addCounter(registry, {
    name: 'bazar_gateway_invalidation_messages_total',
    help: 'Messages of the stream; a gap is one before which something was missed.',
    labelNames: ['receipt'],
    rows: () => rowsOf('receipt', messages),
  });
  addCounter(registry, {
    name: 'bazar_gateway_invalidation_touches_total',
    help: 'Keys and prefixes that these messages named.',
    rows: () => single(touches),
  });
  addCounter(registry, {
    name: 'bazar_gateway_invalidation_everything_total',
    help: 'Entries of the log that end everything which was read before them.',
    rows: () => single(baseFloors),
  });
  addCounter(registry, {
    name: 'bazar_gateway_validations_total',
    help: 'Proofs that what is kept is current; one serves all reads of a moment.',
    labelNames: ['outcome'],
    rows: () => rowsOf('outcome', proofs),
  });
  const seconds = new Histogram(registry, {
    name: 'bazar_gateway_validation_duration_seconds',
    help: 'How long a proof took, or the attempt.',
    buckets: requestBuckets,
  }).series({});
  return {
    observer: {
      streamBegan(): void {
        streams += 1;
      },
      invalidated(
        receipt: (typeof receipts)[number],
        entries: readonly { readonly touches: readonly unknown[] | 'everything' }[],
      ): void {
        messages[receipt] += 1;
        if (receipt === 'ignored') return;
        for (const { touches: named } of entries) {
          if (named === 'everything') baseFloors += 1;
          else touches += named.length;
        }
      },
      proofEnded(outcome: ProofOutcome, ms: number): void {
        proofs[outcome] += 1;
        seconds.observe(ms / 1000);
      },
    },
    holdsLease: () => lease().held,
    show(shown: () => CacheGauges): void {
      gauges = shown;
    },
  };
}

function addWatchMetrics(registry: Registry) {
  let gauges = () => nothingWatched;
  addGauge(registry, {
    name: 'bazar_gateway_watchers',
    help: 'Watches that are open.',
    labelNames: ['form'],
    rows: () => rowsOf('form', gauges().watchers),
  });
  addCounter(registry, {
    name: 'bazar_gateway_watch_changes_total',
    help: 'Changes that were sent, to each watch that it is of interest to.',
    rows: () => single(gauges().changes),
  });
  addCounter(registry, {
    name: 'bazar_gateway_watch_ends_total',
    help: 'Watches that ended; slow ones did not take what was sent, and were told where to go on.',
    labelNames: ['cause'],
    rows: () => rowsOf('cause', gauges().ends),
  });
  addCounter(registry, {
    name: 'bazar_gateway_watch_polls_total',
    help: 'Questions for changes: tail for all watches that are at the head, page for one that is behind.',
    labelNames: ['by', 'outcome'],
    rows: () =>
      Object.entries(gauges().polls).flatMap(([by, outcomes]) =>
        Object.entries(outcomes).map(([outcome, count]): Row => [{ by, outcome }, count]),
      ),
  });
  return {
    /** From now on this is what is shown. */
    show(shown: () => WatchGauges): void {
      gauges = shown;
    },
  };
}

/** Of one replica. */
interface ReplicaSeries {
  sentBytes: number;
  receivedBytes: number;
  readonly operations: Readonly<Record<Attempt['operation'], OperationSeries>>;
}

interface OperationSeries {
  readonly seconds: HistogramSeries;
  readonly totals: Record<Attempt['outcome'], number>;
}

function addReplicaMetrics(registry: Registry, store: () => StoreGauges) {
  const known = new Map<string, ReplicaSeries>();
  const seriesOf = (replica: string): ReplicaSeries => {
    const series = known.get(replica);
    if (series !== undefined) return series;
    const ofOperations = operations.map((operation) => {
      const seconds = durations.series({ replica, operation: snakeCase(operation) });
      return [operation, { seconds, totals: zeros(attemptOutcomes) }];
    });
    const created = { sentBytes: 0, receivedBytes: 0, operations: Object.fromEntries(ofOperations) };
    known.set(replica, created);
    return created;
  };
  const gauge = (name: string, help: string, shown: (replica: StoreGauges['replicas'][number]) => number) =>
    addGauge(registry, {
      ...{ name, help, labelNames: ['replica'] },
      rows: () => store().replicas.map((replica): Row => [{ replica: replica.id }, shown(replica)]),
    });

  addGauge(registry, {
    name: 'bazar_gateway_has_leader',
    help: '1 while this gateway is connected to a leader.',
    rows: () => {
      const { leader, replicas } = store();
      // The first to be asked: those below have a series for each replica from the start.
      for (const { id } of replicas) seriesOf(id);
      return single(leader === null ? 0 : 1);
    },
  });
  gauge('bazar_gateway_replica_healthy', '1 if the replica is connected and answers.', ({ healthy }) =>
    Number(healthy),
  );
  gauge('bazar_gateway_replica_ejected', '1 while it is not read from, as it failed.', ({ ejected }) =>
    Number(ejected),
  );
  gauge('bazar_gateway_replica_in_flight', 'Reads it was given and has not answered.', ({ inFlight }) => inFlight);
  addCounter(registry, {
    name: 'bazar_gateway_replica_ejections_total',
    help: 'How often it was left out of reads, as it had failed.',
    labelNames: ['replica'],
    rows: () => store().replicas.map(({ id, ejections }): Row => [{ replica: id }, ejections]),
  });
  const durations = new Histogram(registry, {
    name: 'bazar_gateway_replica_request_duration_seconds',
    help: 'How long a replica took to answer a message.',
    buckets: requestBuckets,
  });
  addCounter(registry, {
    name: 'bazar_gateway_replica_requests_total',
    help: 'Reads, probes among them, writes, and questions for a read index or for changes sent to a replica; several travel in one message.',
    labelNames: ['replica', 'operation', 'outcome'],
    rows: () =>
      known.entries().flatMap(([replica, series]) =>
        operations.flatMap((operation) =>
          attemptOutcomes.map((outcome): Row => {
            const labels = { replica, operation: snakeCase(operation), outcome };
            return [labels, series.operations[operation].totals[outcome]];
          }),
        ),
      ),
  });
  addCounter(registry, {
    name: 'bazar_gateway_replica_bytes_total',
    help: 'Of the messages to a replica and of its answers.',
    labelNames: ['replica', 'direction'],
    rows: () =>
      known.entries().flatMap(([replica, { sentBytes, receivedBytes }]): readonly Row[] => [
        [{ replica, direction: 'sent' }, sentBytes],
        [{ replica, direction: 'received' }, receivedBytes],
      ]),
  });
  addCounter(registry, {
    name: 'bazar_gateway_read_retries_total',
    help: 'Reads that were sent again because a replica had failed.',
    rows: () => single(store().retries),
  });
  addCounter(registry, {
    name: 'bazar_gateway_read_retries_refused_total',
    help: 'Reads that had to wait with that, as too many were sent again already.',
    rows: () => single(store().retriesRefused),
  });
  return {
    observer: {
      onAttempt({ replica, operation, outcome, count, seconds, sentBytes, receivedBytes }: Attempt): void {
        const series = seriesOf(replica);
        const ofOperation = series.operations[operation];
        ofOperation.totals[outcome] += count;
        ofOperation.seconds.observe(seconds);
        series.sentBytes += sentBytes;
        series.receivedBytes += receivedBytes;
      },
    },
  };
}
