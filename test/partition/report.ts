/** A run's result as a page for people. */
import { type CacheReport, percentage } from './cache-tally.ts';
import type { RoundRecord } from './nemesis.ts';
import { healthyWritesPerSecondOf, type RunResult } from './run.ts';
import type { Second } from './tally.ts';
import { describeWorkload } from './workloads.ts';

const availabilityRowsMax = 60;
const findingsMax = 50;

export function markdownOf(result: RunResult): string {
  const { options, failures, rounds, reigns } = result;
  return [
    '# Partition run',
    '',
    `**${verdictOf(result)}**`,
    ...failures.map((failure) => `- ${failure}`),
    '',
    summaryOf(result).join('  \n'),
    '',
    '## Parameters',
    '',
    table(
      ['', ''],
      [
        ['commit', result.commit],
        ['began', result.beganAt],
        ['machine', result.machine],
        ['minutes', options.minutes],
        ['replicas, gateways', `${options.replicas}, ${options.gateways}`],
        ['workload', describeWorkload(options.workload)],
        ['operations per second, at most', options.rate],
        ['hits, at least', percentage(options.hitsMin)],
        ['faults', options.faults.join(', ')],
        ['shapes', options.faults.includes('cut') ? options.shapes.join(', ') : 'no cuts'],
        ['seed', options.seed],
      ],
    ),
    '',
    '## Faults',
    '',
    'A fault counts if it met a healthy cluster: one leader that all replicas acknowledge, and at least',
    `${healthyWritesPerSecondOf(options)} writes acknowledged in the second before. The others came while one lasted. Times are milliseconds to the answer to the first`,
    'acknowledged write that was asked after the fault, where the faults of its round left a majority and a gateway to it,',
    'and after the last fault of its round had ended: median, 99th percentile, maximum.',
    '',
    faultTable(rounds),
    '',
    '## Operations',
    '',
    table(
      ['outcome', 'operations'],
      Object.entries(result.outcomes).map(([name, count]) => [name, count]),
    ),
    '',
    '## Cache',
    '',
    'Reads that were answered, by what the gateway said in Cache-Status: a hit, or why it asked a replica.',
    '',
    cacheTable(result.cache),
    '',
    '## Availability',
    '',
    availabilityTable(result.availability, rounds),
    '',
    '## Findings',
    '',
    ...findingLines(result),
    '',
    '## Timeline',
    '',
    '```',
    ...timeline(rounds, reigns),
    '```',
    '',
  ].join('\n');
}

export function verdictOf({ failures }: RunResult): string {
  return failures.length === 0 ? 'PASSED' : 'FAILED';
}

/** A few lines that say it all. */
export function summaryOf(result: RunResult): readonly string[] {
  const { operations, seconds, rounds, longestGap, availability, findings, digest } = result;
  const faults = rounds.flatMap((round) => round.faults);
  const counted = faults.filter((fault) => fault.counted).length;
  const available = availability.filter(({ acknowledgedWrites }) => acknowledgedWrites > 0).length;
  const giveUps = findings.filter(({ giveUp }) => giveUp).length;
  const gap = `${(longestGap.lengthMs / 1000).toFixed(1)} s, from ${(longestGap.fromMs / 1000).toFixed(1)} s on`;
  const percent = ((100 * available) / Math.max(1, availability.length)).toFixed(1);
  return [
    `${operations} operations in ${seconds.toFixed(0)} s: ${(operations / seconds).toFixed(0)} a second`,
    `${faults.length} faults in ${rounds.length} rounds, ${counted} counted; ${result.reigns.length} leaders`,
    `${result.histories} histories of groups of keys judged, the hardest in ${result.longestCheckMs.toFixed(0)} ms: ${findings.length - giveUps} findings, ${giveUps} give-ups`,
    cacheLine(result.cache),
    `writes acknowledged in ${percent} % of all seconds; longest time without one ${gap}`,
    digest === null
      ? 'whether the replicas come to one state was not seen'
      : `the replicas came to one state, ${digest}`,
  ];
}

function cacheLine({ all, gateways }: CacheReport): string {
  const each = Object.entries(gateways).map(([id, { hitRatio }]) => `${id} ${percentage(hitRatio)}`);
  return `cache: ${percentage(all.hitRatio)} of ${all.reads} reads were hits; ${each.join(', ')}`;
}

function cacheTable({ all, gateways }: CacheReport): string {
  const words = Object.keys(all.said).filter((word) => word !== 'hit');
  const rows = [...Object.entries(gateways), ['all', all] as const].map(([id, { reads, hits, hitRatio, said }]) => [
    ...[id, reads, hits, percentage(hitRatio)],
    ...words.map((word) => said[word] ?? 0),
  ]);
  return table(['gateway', 'reads', 'hits', 'hit ratio', ...words], rows);
}

function faultTable(rounds: readonly RoundRecord[]): string {
  const faults = rounds
    .flatMap((round) => round.faults.map((fault) => ({ ...fault, round })))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const byName = Map.groupBy(faults, ({ name }) => name);
  const rows = [...byName, ['all', faults] as const].map(([name, each]) => {
    const counted = each.filter((fault) => fault.counted);
    const served = counted.filter(({ round }) => round.leftService);
    return [
      name,
      each.length,
      counted.length,
      served.length,
      quantiles(served.map(({ writtenAfterMs }) => writtenAfterMs)),
      quantiles(counted.map(({ round }) => round.writtenAfterHealMs)),
    ];
  });
  const headings = ['fault', 'injected', 'counted', 'left a majority', 'next write', 'next write after the end'];
  return table(headings, rows);
}

function quantiles(samples: readonly (number | null)[]): string {
  const sorted = samples.filter((sample) => sample !== null).sort((a, b) => a - b);
  if (sorted.length === 0) return '-';
  const at = (fraction: number) => (sorted[Math.ceil(fraction * sorted.length) - 1] ?? Number.NaN).toFixed(0);
  return `${at(0.5)}, ${at(0.99)}, ${at(1)}`;
}

/** Seconds are put together, so that the table stays readable. */
function availabilityTable(seconds: readonly Second[], rounds: readonly RoundRecord[]): string {
  const faults = rounds.flatMap((round) => round.faults);
  const width = Math.max(1, Math.ceil(seconds.length / availabilityRowsMax));
  const rows = Array.from({ length: Math.ceil(seconds.length / width) }, (_, row) => {
    const from = row * width;
    const some = seconds.slice(from, from + width);
    const rate = (count: (second: Second) => number) =>
      (some.reduce((sum, second) => sum + count(second), 0) / some.length).toFixed(0);
    const begun = faults.filter(({ injectedAtMs }) => Math.floor(injectedAtMs / 1000 / width) === row);
    return [
      from,
      rate((second) => second.acknowledgedWrites),
      Math.min(...some.map(({ acknowledgedWrites }) => acknowledgedWrites)),
      rate((second) => second.reads),
      rate((second) => second.notApplied),
      rate((second) => second.unknown),
      begun.map(({ name }) => name).join(', '),
    ];
  });
  const headings = ['from second', 'writes/s', 'in the worst', 'reads/s', 'not applied/s', 'unknown/s', 'faults'];
  return table(headings, rows);
}

function findingLines({ findings }: RunResult): readonly string[] {
  if (findings.length === 0) return ['None.'];
  const shown = findings.slice(0, findingsMax).map(({ group, checker, message, giveUp }) => {
    const what = giveUp ? 'gave up' : 'found';
    return `- ${group}: ${checker} ${what}: ${message.replaceAll('\n', '\n  ')}`;
  });
  return findings.length <= findingsMax ? shown : [...shown, `- and ${findings.length - findingsMax} more`];
}

function timeline(rounds: readonly RoundRecord[], reigns: RunResult['reigns']): readonly string[] {
  const events = [
    ...reigns.map(({ atMs, leader, term }) => ({ atMs, text: `${leader} leads in term ${term}` })),
    ...rounds.flatMap(({ faults }, position) =>
      faults.flatMap(({ injectedAtMs, endedAtMs, name, description }) => [
        { atMs: injectedAtMs, text: `round ${position + 1}: ${description}` },
        ...(endedAtMs === null ? [] : [{ atMs: endedAtMs, text: `round ${position + 1}: end of ${name}` }]),
      ]),
    ),
  ];
  return events
    .sort((a, b) => a.atMs - b.atMs)
    .map(({ atMs, text }) => `${(atMs / 1000).toFixed(2).padStart(8)} s  ${text}`);
}

type Cell = string | number;

/** Cells may hold bars, as the cuts do. */
function table(headings: readonly Cell[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]) => `| ${cells.map((cell) => `${cell}`.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(headings), line(headings.map(() => '---')), ...rows.map(line)].join('\n');
}
