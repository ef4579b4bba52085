export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle];
  if (upper === undefined) throw new Error('a median needs a sample');
  const lower = sorted.length % 2 === 1 ? upper : (sorted[middle - 1] ?? upper);
  return (lower + upper) / 2;
}

/** The median of one figure over many samples. */
export function medianOf<Sample>(samples: readonly Sample[], figure: (sample: Sample) => number): number {
  return median(samples.map(figure));
}

/** The sample below which this share of the others lies, 0 to 1. */
export function quantile(samples: readonly number[], share: number): number {
  const found = samples.toSorted((a, b) => a - b)[Math.floor((samples.length - 1) * share)];
  if (found === undefined) throw new Error('a quantile needs a sample');
  return found;
}

export interface Summary {
  readonly mean: number;
  /** Of the population. */
  readonly deviation: number;
  readonly minimum: number;
  readonly p50: number;
  readonly p99: number;
  readonly maximum: number;
}

export function summarise(samples: readonly number[]): Summary {
  const mean = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
  const variance = samples.reduce((sum, sample) => sum + (sample - mean) ** 2, 0) / samples.length;
  return {
    mean,
    deviation: Math.sqrt(variance),
    minimum: quantile(samples, 0),
    p50: quantile(samples, 0.5),
    p99: quantile(samples, 0.99),
    maximum: quantile(samples, 1),
  };
}
