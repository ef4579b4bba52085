/** What many runs come to: means, and how far the simulation reached. */
import type { RunResult } from './jobs.ts';

const measures = [
  'faults',
  'leaderChanges',
  'operations',
  'acknowledged',
  'unknown',
  'reads',
  'hits',
  'events',
] as const;
const words: Readonly<Record<(typeof measures)[number], string>> = {
  faults: 'faults',
  leaderChanges: 'leader changes',
  operations: 'operations',
  acknowledged: 'acknowledged',
  unknown: 'unknown outcomes',
  reads: 'reads answered',
  hits: 'of them hits',
  events: 'events',
};

export class Summary {
  readonly #startedAt = performance.now();
  readonly #sums = new Map<string, number>();
  readonly #probes = new Map<string, number>();
  #runs = 0;
  #virtualMs = 0;
  #busyMs = 0;

  get runs(): number {
    return this.#runs;
  }

  get probes(): ReadonlyMap<string, number> {
    return this.#probes;
  }

  add({ report, realMs }: RunResult): void {
    this.#runs++;
    this.#virtualMs += report.virtualMs;
    this.#busyMs += realMs;
    for (const measure of measures) this.#sums.set(measure, (this.#sums.get(measure) ?? 0) + report[measure]);
    for (const [name, count] of Object.entries(report.probes)) {
      this.#probes.set(name, (this.#probes.get(name) ?? 0) + count);
    }
  }

  /** One line. */
  progress(total: number): string {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    return (
      `${seconds.toFixed(0).padStart(5)} s  ${this.#runs} of ${total} seeds, ` +
      `${(this.#runs / seconds).toFixed(1)} seeds/s, ${this.#speed()}`
    );
  }

  table(): string {
    const rows = [
      ...measures.map((measure) => [words[measure], this.#sums.get(measure) ?? 0] as const),
      ['virtual seconds', this.#virtualMs / 1000] as const,
    ];
    const lines = rows.map(
      ([name, sum]) =>
        `  ${name.padEnd(18)}${(sum / Math.max(1, this.#runs)).toFixed(1).padStart(10)}${sum.toFixed(0).padStart(14)}`,
    );
    return [`  ${' '.repeat(18)}${'mean'.padStart(10)}${'all'.padStart(14)}`, ...lines, `  ${this.#speed()}`].join(
      '\n',
    );
  }

  #speed(): string {
    return `${(this.#virtualMs / Math.max(1, this.#busyMs)).toFixed(0)} × real time in each process`;
  }
}
