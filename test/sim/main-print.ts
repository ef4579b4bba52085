/** Plans and what came of them, in words. */
import { execFileSync } from 'node:child_process';
import type { Plan } from './plan.ts';
import { faultLine } from './plan-fault.ts';
import type { Failure, SeedReport } from './run-plan.ts';

export function planText(plan: Plan): string {
  const { faults, ...conditions } = plan;
  return [
    ...Object.entries(conditions).map(([name, value]) => `  ${name}: ${JSON.stringify(value, rounded)}`),
    `  faults: ${faults.length}`,
    ...faults.map((fault) => `  ${faultLine(fault)}`),
  ].join('\n');
}

/** The file has every digit. */
function rounded(_name: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toFixed(4)) : value;
}

export function reportText(report: SeedReport): string {
  const { traceHash, virtualMs, faults, leaderChanges, operations, acknowledged, unknown, reads, hits, events } =
    report;
  return (
    `  ${(virtualMs / 1000).toFixed(1)} virtual seconds, ${events} events, ${faults} faults, ` +
    `${leaderChanges} leader changes\n` +
    `  ${operations} operations, ${acknowledged} acknowledged, ${unknown} with an unknown outcome\n` +
    `  ${reads} reads answered, ${hits} of them from a gateway's memory\n` +
    `  trace ${traceHash}`
  );
}

export function failureText({ checker, message, giveUp, atMs }: Failure): string {
  return `${giveUp ? 'GAVE UP' : 'FAILED'} at ${atMs.toFixed(0)} ms: ${checker}\n${indented(message)}`;
}

export function indented(text: string): string {
  return text.replace(/^/gm, '  ');
}

/** A seed means the same only on the same commit. */
export function commit(): string {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim();
    const changes = git('status', '--porcelain', '--untracked-files=normal', '--', ':/src', ':/test');
    return `${git('rev-parse', 'HEAD')}${changes === '' ? '' : ' with changes'}`;
  } catch {
    return 'unknown: this is no git repository';
  }
}
