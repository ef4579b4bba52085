/** Every write: done once at most, as it was asked, and told as it was done; each request has one answer for ever. */
import { canonical } from '../../store/canonical.ts';
import type { LoggedCommand, LoggedCommands } from './logged.ts';
import type { CatalogOperation } from './operation.ts';
import { nameOf } from './writes.ts';

export function writeProblems(operations: readonly CatalogOperation[], logged: LoggedCommands): readonly string[] {
  const requests = new Map<string, CatalogOperation[]>();
  for (const operation of operations) {
    const name = operation.asked.type === 'write' ? nameOf(operation.asked.write) : null;
    if (name !== null) requests.set(name, [...(requests.get(name) ?? []), operation]);
  }
  const unasked = [...logged.names].filter((name) => name !== null && isOfCatalog(name) && !requests.has(name));
  return [
    ...unasked.map((name) => `${name} is in the log, and nobody asked for it`),
    ...[...requests].flatMap(([name, asked]) => requestProblems(name, asked, logged.named(name))),
    ...operations.flatMap((operation) => definitionProblems(operation, logged)),
  ];
}

/** Puts of the other workload are judged elsewhere. */
function isOfCatalog(name: string): boolean {
  return name.startsWith('mark/') || name.startsWith('put ');
}

function requestProblems(
  name: string,
  asked: readonly CatalogOperation[],
  entries: readonly LoggedCommand[],
): readonly string[] {
  const done = entries.filter(({ isExecuted, result }) => isExecuted && result?.type !== 'transactionFailed');
  const problems: string[] = [];
  if (done.length > 1) problems.push(`${name} was carried out at ${done.map(({ index }) => index).join(' and ')}`);
  if (done.length > 0 && asked.every(({ outcome }) => outcome.type === 'notApplied')) {
    problems.push(`${name} was carried out at ${done[0]?.index}, and was said not to be`);
  }
  for (const { outcome, client } of asked) {
    if (outcome.type !== 'result') continue;
    const told = withoutReplayed(outcome.result);
    const same = entries.filter(({ result }) => withoutReplayed(result) === told);
    const isReplayed = 'replayed' in outcome.result && outcome.result.replayed;
    const isExplained = isReplayed
      ? same.some(({ result }) => result !== null && wasReplayed(result))
      : same.length > 0;
    if (isExplained) continue;
    const wanted = entries.map(({ index, result }) => `\n  at ${index} ${canonical(result)}`).join('');
    problems.push(`${name}: ${client} was told ${canonical(outcome.result)}; by the log it is${wanted}`);
  }
  return [...problems, ...answersDiffer(name, asked)];
}

/** A transaction that was done is answered in one way only, however often it is asked for; the first time once. */
function answersDiffer(name: string, asked: readonly CatalogOperation[]): readonly string[] {
  const results = asked.flatMap(({ outcome }) =>
    outcome.type === 'result' && outcome.result.type === 'transaction' ? [outcome.result] : [],
  );
  const answers = new Set(results.map(withoutReplayed));
  const firsts = results.filter(({ replayed }) => !replayed).length;
  if (answers.size <= 1 && firsts <= 1) return [];
  return [`${name} was answered ${results.length} times, ${firsts} times as new: ${[...answers].join('\n  ')}`];
}

/** Definitions have no names: there must be one that was answered so. */
function definitionProblems({ asked, outcome, client }: CatalogOperation, logged: LoggedCommands): readonly string[] {
  if (asked.type !== 'write' || asked.write.type !== 'define' || outcome.type !== 'result') return [];
  const told = canonical(outcome.result);
  const isThere = logged.all.some(({ command, result }) => command?.type === 'define' && canonical(result) === told);
  return isThere ? [] : [`${client} defined ${asked.write.name}, and was told ${told}; no entry comes to that`];
}

function wasReplayed(result: object): boolean {
  return 'replayed' in result && result.replayed === true;
}

function withoutReplayed(result: object | null): string {
  return canonical(result !== null && 'replayed' in result ? { ...result, replayed: false } : result);
}
