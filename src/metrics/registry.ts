/**
 * What every registry has, and metrics over plain numbers: whoever counts on a hot path adds to a number of its own, and
 * labels come into it at a scrape.
 */
import { Counter, collectDefaultMetrics, Gauge, type Metric, Registry } from 'prom-client';

export interface MetricsOptions {
  readonly version: string;
  /** The process and Node metrics; they cost timers and observers. */
  readonly processMetrics?: boolean;
}

export interface RenderedMetrics {
  readonly contentType: string;
  readonly body: string;
}

export type Labels = Readonly<Record<string, string>>;

/** A line of a scrape. */
export type Row = readonly [labels: Labels, value: number];

export interface TableOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  /** Asked at every scrape. All tables of a registry are asked in one turn, in the order in which they were made. */
  readonly rows: () => Iterable<Row>;
}

export interface HistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds, rising. */
  readonly buckets: readonly number[];
}

/** Seconds. */
export const requestBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createRegistry({ version, processMetrics = true }: MetricsOptions): Registry {
  const registry = new Registry();
  new Gauge({
    name: 'bazar_build_info',
    help: 'Always 1; says what runs.',
    labelNames: ['version', 'node_version'],
    registers: [registry],
  }).set({ version, node_version: process.versions.node }, 1);
  if (processMetrics) collectDefaultMetrics({ register: registry });
  return registry;
}

export async function render(registry: Registry): Promise<RenderedMetrics> {
  return { contentType: registry.contentType, body: await registry.metrics() };
}

/** What only grows; its name ends in `_total`. */
export function addCounter(registry: Registry, { name, help, labelNames = [], rows }: TableOptions): void {
  new Counter({
    ...{ name, help, labelNames, registers: [registry] },
    collect() {
      this.reset();
      for (const [labels, value] of rows()) this.inc(labels, value);
    },
  });
}

export function addGauge(registry: Registry, { name, help, labelNames = [], rows }: TableOptions): void {
  new Gauge({
    ...{ name, help, labelNames, registers: [registry] },
    collect() {
      this.reset();
      for (const [labels, value] of rows()) this.set(labels, value);
    },
  });
}

/** The one row of what has no labels. */
export function single(value: number): readonly Row[] {
  return [[{}, value]];
}

/** A row for each name. */
export function rowsOf(label: string, values: Readonly<Record<string, number>>): readonly Row[] {
  return Object.entries(values).map(([name, value]) => [{ [label]: snakeCase(name) }, value]);
}

export interface HistogramSeries {
  observe(value: number): void;
}

/** The library's own spends most of an observation on its labels; here a series is bound to them once. */
export class Histogram {
  readonly name: string;
  readonly help: string;
  readonly type = 'histogram';
  readonly #buckets: readonly number[];
  readonly #series: CountedSeries[] = [];

  constructor(registry: Registry, { name, help, buckets }: HistogramOptions) {
    this.name = name;
    this.help = help;
    this.#buckets = buckets;
    // Of a metric a registry asks no more than its name and `get`.
    registry.registerMetric(this as unknown as Metric<string>);
  }

  /** To be called once for the same labels. */
  series(labels: Labels): HistogramSeries {
    const series = new CountedSeries(labels, this.#buckets);
    this.#series.push(series);
    return series;
  }

  async get(): Promise<object> {
    const { name, help, type } = this;
    return { name, help, type, aggregator: 'sum', values: this.#series.flatMap((series) => series.values(name)) };
  }
}

class CountedSeries implements HistogramSeries {
  readonly #labels: Labels;
  readonly #buckets: readonly number[];
  /** Not cumulative; the last is of what is above all bounds. */
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(labels: Labels, buckets: readonly number[]) {
    this.#labels = labels;
    this.#buckets = buckets;
    this.#counts = new Float64Array(buckets.length + 1);
  }

  observe(value: number): void {
    const buckets = this.#buckets;
    let bucket = 0;
    while (bucket < buckets.length && value > (buckets[bucket] as number)) bucket += 1;
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#sum += value;
  }

  values(name: string): readonly object[] {
    let count = 0;
    const buckets = [...this.#buckets, '+Inf'].map((le, position) => {
      count += this.#counts[position] as number;
      return { metricName: `${name}_bucket`, labels: { le, ...this.#labels }, value: count };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: this.#labels, value: this.#sum },
      { metricName: `${name}_count`, labels: this.#labels, value: count },
    ];
  }
}

/** Making a labelled child costs more than a request may: each is made once and kept. */
export function bindLabels<First extends string, Second extends string, Third extends string, Child>(
  make: (first: First, second: Second, third: Third) => Child,
) {
  const children = new Map<string, Child>();
  return {
    of(first: First, second: Second, third: Third): Child {
      const name = `${first} ${second} ${third}`;
      let child = children.get(name);
      if (child === undefined) {
        child = make(first, second, third);
        children.set(name, child);
      }
      return child;
    },
    all: () => children.values(),
  };
}

export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A count of 0 for each name. */
export function zeros<Name extends string>(names: readonly Name[]): Record<Name, number> {
  return Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
}
