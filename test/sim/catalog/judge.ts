/**
 * What clients of the catalog were told, against the committed log: a model of its own carries the log out, and every answer,
 * every event and every replica's rows must be what it says, in an order that agrees with real time.
 */
import { type Entry, index } from '../../../src/raft/types.ts';
import type { CommandResult } from '../../../src/store/command.ts';
import { decodeCommand } from '../../../src/store/command-codec.ts';
import type { Finding } from '../../history/operation.ts';
import { canonical } from '../../store/canonical.ts';
import { CatalogModel } from '../../store/catalog-model.ts';
import { answerOf } from '../../store/catalog-model-queries.ts';
import { rowProblems } from '../../store/catalog-model-rows.ts';
import { indexProblems } from './index-judge.ts';
import { lifetimeProblems } from './lifetimes.ts';
import { type LoggedCommand, LoggedCommands } from './logged.ts';
import type { CatalogOperation, WatchLog } from './operation.ts';
import { orderOf } from './order.ts';
import { shopProblems } from './shop.ts';
import { shown } from './shown.ts';
import { watchProblems } from './watch-judge.ts';
import { writeProblems } from './write-judge.ts';

export interface Snapshot {
  /** A replica's. */
  readonly id: string;
  readonly applied: number;
  readonly rows: readonly (readonly [key: Uint8Array, value: Uint8Array])[];
}

export interface CatalogRun {
  readonly log: readonly Entry[];
  readonly operations: readonly CatalogOperation[];
  readonly watches: readonly WatchLog[];
  readonly snapshots: readonly Snapshot[];
  /** True time at which a replica had first applied the entry, by its index. */
  readonly appliedAtMs: ReadonlyMap<number, number>;
  /** Of all clocks. */
  readonly fastestRate: number;
}

export function judgeCatalog(run: CatalogRun): readonly Finding[] {
  const order = orderOf(run.operations, run.watches);
  const replay = replayed(run, order.leastRevision);
  const found: readonly (readonly [checker: string, messages: readonly string[]])[] = [
    ['catalog replay', [...replay.problems, ...writeProblems(run.operations, replay.logged)]],
    ['catalog order', order.problems],
    ['catalog shop', shopProblems(run.snapshots, run.operations)],
    ['watch', watchProblems(run.watches, replay.model.changes)],
    ['lifetimes', lifetimeProblems(run, replay.logged, replay.model.changes)],
  ];
  return found.flatMap(([checker, messages]) => messages.map((message) => ({ checker, message, giveUp: false })));
}

interface Replayed {
  readonly model: CatalogModel;
  readonly logged: LoggedCommands;
  readonly problems: readonly string[];
}

function replayed(
  { log, operations, snapshots }: CatalogRun,
  leastRevision: (one: CatalogOperation) => number,
): Replayed {
  const model = new CatalogModel();
  const problems: string[] = [];
  const asked = new Map<number, CatalogOperation[]>();
  for (const operation of operations) {
    const { outcome } = operation;
    if (outcome.type !== 'answer' && outcome.type !== 'page') continue;
    const { isLeased } = outcome;
    const revision = outcome.type === 'page' ? outcome.revision : outcome.answer.revision;
    // What was answered under a lease still stood where the log had come when it was asked for.
    const at = isLeased ? Math.max(revision, leastRevision(operation)) : revision;
    asked.set(at, [...(asked.get(at) ?? []), operation]);
  }
  const judge = (revision: number) => {
    for (const operation of asked.get(revision) ?? []) problems.push(...answerProblems(operation, model));
    for (const { id, rows } of snapshots.filter(({ applied }) => applied === revision)) {
      problems.push(...rowProblems(rows, model).map((problem) => `${id} at ${revision}: ${problem}`));
    }
    asked.delete(revision);
  };
  judge(0);
  const commands: LoggedCommand[] = [];
  for (const entry of log) {
    const command = entry.type === 'command' ? decodeCommand(entry.command) : null;
    const before = model.executed;
    const result: CommandResult | null = entry.type === 'command' ? model.apply(command, entry.index) : null;
    commands.push({ index: entry.index, command, result, isExecuted: model.executed > before });
    if (command?.type === 'build') {
      const built = model.collections.all.find(([, { number }]) => number === command.collection)?.[1];
      if (built !== undefined)
        problems.push(...indexProblems(model, built).map((problem) => `at ${entry.index} ${problem}`));
    }
    judge(entry.index);
  }
  for (const [, collection] of model.collections.all) problems.push(...indexProblems(model, collection));
  for (const [revision] of asked) problems.push(`answers at revision ${revision}, where the log ends at ${log.length}`);
  return { model, logged: new LoggedCommands(commands), problems };
}

function answerProblems({ asked, outcome, client }: CatalogOperation, model: CatalogModel): readonly string[] {
  if (asked.type !== 'query' || (outcome.type !== 'answer' && outcome.type !== 'page')) return [];
  const revision = index(outcome.type === 'page' ? outcome.revision : outcome.answer.revision);
  const answer = answerOf(model, asked.query, revision);
  const [found, wanted] =
    outcome.type === 'page'
      ? [canonical(outcome.page), canonical(shown(asked.query, answer))]
      : [canonical(outcome.answer), canonical(answer)];
  if (found === wanted) return [];
  const from = outcome.isHit ? `, from memory${outcome.isLeased ? ' under a lease' : ''}` : '';
  return [`${client} asked ${canonical(asked.query)}${from}\n  and was told ${found}\n  by the log it is ${wanted}`];
}
