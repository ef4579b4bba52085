/** Every rare path that somebody named in the simulation's sources, so that those never reached can be told. */
import { readdirSync, readFileSync } from 'node:fs';
import { generatePlan } from './plan.ts';
import { faultName } from './plan-fault.ts';

const directory = import.meta.dirname;

/** Enough for every kind of fault to come up. */
const plansLookedAt = 1000;

/** As they stand in the sources, with … for what is known only when it happens; and every kind of fault. */
export function namedProbes(): readonly string[] {
  const names = readdirSync(directory)
    .filter((name) => /^(?!.*\.test\.).*\.ts$/.test(name))
    .flatMap((name) => probesIn(readFileSync(`${directory}/${name}`, 'utf8')));
  return [...new Set([...names.filter((name) => name !== 'fault: …'), ...faultProbes()])].sort();
}

function faultProbes(): readonly string[] {
  const plans = Array.from({ length: plansLookedAt }, (_, seed) => generatePlan(seed));
  return plans.flatMap(({ faults }) => faults.map((fault) => `fault: ${faultName(fault)}`));
}

export function probesIn(source: string): readonly string[] {
  const calls = source.matchAll(/\bsometimes\(\s*(?:'([^'\n]+)'|`([^`\n]+)`)/g);
  return [...calls].map(([, plain, template]) => plain ?? (template ?? '').replace(/\$\{[^}]*\}/g, '…'));
}

export function neverReached(named: readonly string[], reached: Iterable<string>): readonly string[] {
  const all = [...reached];
  return named.filter((name) => {
    const pattern = new RegExp(`^${name.split('…').map(escaped).join('.+')}$`);
    return !all.some((probe) => pattern.test(probe));
  });
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
