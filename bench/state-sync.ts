/**
 * What syncing every batch of state/ costs. As in a replica, a log is written beside it: one synced batch per group to
 * a database of its own, in the same process; a group is applied when its log batch is durable. Up to `groupsInFlight`
 * groups wait for their state batch; then the next log batch waits too.
 * Runs alternate between synced and not; medians are printed.
 *
 *   node bench/state-sync.ts [runs]
 */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../src/logger.ts';
import { type Entry, index, term } from '../src/raft/types.ts';
import { type Command, noPrecondition } from '../src/store/command.ts';
import { decodeCommand, encodeCommand } from '../src/store/command-codec.ts';
import { levelDisk } from '../src/store/disk-level.ts';
import { historyBoundsDefault } from '../src/store/history.ts';
import { type KvStateMachine, openStateMachine } from '../src/store/state-machine.ts';
import { systemClock } from '../src/system-clock.ts';
import { quantile } from './statistics.ts';

const valueBytes = 200;
const keys = 20_000;
const groupsInFlight = 4;
const groupSizes = [1, 16, 128];
const entriesPerRun: Record<number, number> = { 1: 4_000, 16: 32_000, 128: 64_000 };

interface Run {
  readonly entriesPerSecond: number;
  /** Of apply itself: evaluation, per entry. */
  readonly evaluateUs: number;
  /** All that the process computed, per entry: log batch, evaluation, encoding, and the threads of LevelDB. */
  readonly cpuUs: number;
  /** From apply to durable. */
  readonly writtenP50Ms: number;
  readonly writtenP99Ms: number;
  /** Of the log's own batches. */
  readonly logP50Ms: number;
  readonly logP99Ms: number;
}

const hash = Buffer.alloc(8);
const session = index(1);

function entryAt(at: number): Entry {
  const stamp = { session, sequence: at, lowestUnanswered: Math.max(1, at - 64) };
  const key = `books/${String((at * 7919) % keys).padStart(6, '0')}`;
  const value = Buffer.alloc(valueBytes, at);
  const put: Command = {
    type: 'put',
    stamp,
    key,
    value,
    contentType: 'application/json',
    precondition: noPrecondition,
  };
  const command = encodeCommand(at === 1 ? { type: 'openSession' } : put);
  return { term: term(1), index: index(at), type: 'command', command };
}

async function measure(groupSize: number, syncWrites: boolean): Promise<Run> {
  const directory = await mkdtemp(join(tmpdir(), 'bazar-bench-'));
  const log = await levelDisk.openKeyValueStore(join(directory, 'log'), { createIfMissing: true });
  const machine = await openStateMachine(levelDisk, join(directory, 'state'), {
    firstStart: true,
    clock: systemClock,
    gatherMs: 0,
    history: historyBoundsDefault,
    onUndeclaredTouch() {},
    syncWrites,
    log: silentLogger,
  });
  const count = entriesPerRun[groupSize] ?? 0;
  const entries = Array.from({ length: count }, (_, nth) => entryAt(nth + 1));
  const [writtenMs, logMs]: [number[], number[]] = [[], []];
  let evaluateMs = 0;

  const apply = async (group: readonly Entry[]) => {
    const started = performance.now();
    const { written } = machine.apply(group, hash);
    evaluateMs += performance.now() - started;
    await written;
    writtenMs.push(performance.now() - started);
  };

  const cpuBefore = process.cpuUsage();
  const started = performance.now();
  const inFlight = new Set<Promise<void>>();
  for (let from = 0; from < count; from += groupSize) {
    if (inFlight.size >= groupsInFlight) await Promise.race(inFlight);
    const group = entries.slice(from, from + groupSize);
    const logStarted = performance.now();
    await log.batch(group.map(logRow), { sync: true });
    logMs.push(performance.now() - logStarted);
    const applied = apply(group).finally(() => inFlight.delete(applied));
    inFlight.add(applied);
  }
  await Promise.all(inFlight);
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);

  await machine.close();
  await log.close();
  await rm(directory, { recursive: true });
  return {
    entriesPerSecond: count / seconds,
    evaluateUs: (evaluateMs * 1000) / count,
    cpuUs: (user + system) / count,
    writtenP50Ms: quantile(writtenMs, 0.5),
    writtenP99Ms: quantile(writtenMs, 0.99),
    logP50Ms: quantile(logMs, 0.5),
    logP99Ms: quantile(logMs, 0.99),
  };
}

function logRow(entry: Entry) {
  const key = Buffer.alloc(9);
  key.writeBigUInt64BE(BigInt(entry.index), 1);
  return { type: 'put', key, value: entry.type === 'command' ? entry.command : Buffer.alloc(0) } as const;
}

/** The two halves of applying, without a log beside: evaluation, and all the rest up to the durable batch. */
async function measureParts(groupSize: number): Promise<{ readonly evaluateUs: number; readonly writeUs: number }> {
  const directory = await mkdtemp(join(tmpdir(), 'bazar-bench-'));
  const machine = await openStateMachine(levelDisk, join(directory, 'state'), {
    firstStart: true,
    clock: systemClock,
    gatherMs: 0,
    history: historyBoundsDefault,
    onUndeclaredTouch() {},
    syncWrites: false,
    log: silentLogger,
  });
  const count = entriesPerRun[groupSize] ?? 0;
  const entries = Array.from({ length: count }, (_, nth) => entryAt(nth + 1));
  let evaluateMs = 0;
  let writeMs = 0;
  for (let from = 0; from < count; from += groupSize) {
    const group = entries.slice(from, from + groupSize);
    const started = performance.now();
    const { written } = machine.apply(group, hash);
    const evaluated = performance.now();
    await written;
    evaluateMs += evaluated - started;
    writeMs += performance.now() - evaluated;
  }
  await machine.close();
  await rm(directory, { recursive: true });
  return { evaluateUs: (evaluateMs * 1000) / count, writeUs: (writeMs * 1000) / count };
}

async function measureReads(): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'bazar-bench-'));
  const machine: KvStateMachine = await openStateMachine(levelDisk, join(directory, 'state'), {
    firstStart: true,
    clock: systemClock,
    gatherMs: 0,
    history: historyBoundsDefault,
    onUndeclaredTouch() {},
    syncWrites: false,
    log: silentLogger,
  });
  const count = 20_000;
  await machine.apply(
    Array.from({ length: count }, (_, nth) => entryAt(nth + 1)),
    hash,
  ).written;
  const started = performance.now();
  for (let nth = 0; nth < count; nth += 1) {
    const key = `books/${String(nth % keys).padStart(6, '0')}`;
    await machine.query({ type: 'get', key, withValue: true });
  }
  const us = ((performance.now() - started) * 1000) / count;
  await machine.close();
  await rm(directory, { recursive: true });
  return us;
}

function measureCodec(): { readonly encodeUs: number; readonly decodeUs: number } {
  const count = 200_000;
  const entry = entryAt(1000);
  const bytes = entry.type === 'command' ? entry.command : Buffer.alloc(0);
  const command = decodeCommand(bytes);
  if (command === null) throw new Error('the sample is a command');
  const time = (call: () => unknown) => {
    const started = performance.now();
    for (let nth = 0; nth < count; nth += 1) call();
    return ((performance.now() - started) * 1000) / count;
  };
  return { encodeUs: time(() => encodeCommand(command)), decodeUs: time(() => decodeCommand(bytes)) };
}

function medians(runs: readonly Run[]): Record<string, number> {
  const median = (name: keyof Run) =>
    quantile(
      runs.map((run) => run[name]),
      0.5,
    );
  return {
    'entries/s': Math.round(median('entriesPerSecond')),
    'evaluate µs': round(median('evaluateUs')),
    'CPU µs': round(median('cpuUs')),
    'written p50 ms': round(median('writtenP50Ms')),
    'written p99 ms': round(median('writtenP99Ms')),
    'log p50 ms': round(median('logP50Ms')),
    'log p99 ms': round(median('logP99Ms')),
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

const runs = Number(process.argv[2] ?? 5);
const codec = measureCodec();
console.log(`command of ${valueBytes} B: encode ${round(codec.encodeUs)} µs, decode ${round(codec.decodeUs)} µs`);
console.log(`get of ${valueBytes} B: ${round(await measureReads())} µs`);
for (const groupSize of groupSizes) {
  const { evaluateUs, writeUs } = await measureParts(groupSize);
  console.log(
    `put of ${valueBytes} B in groups of ${groupSize}: evaluate ${round(evaluateUs)} µs, write ${round(writeUs)} µs`,
  );
}
const table: Record<string, Record<string, number>> = {};
for (const groupSize of groupSizes) {
  const [synced, unsynced]: [Run[], Run[]] = [[], []];
  for (let run = 0; run < runs; run += 1) {
    synced.push(await measure(groupSize, true));
    unsynced.push(await measure(groupSize, false));
  }
  table[`groups of ${groupSize}, synced`] = medians(synced);
  table[`groups of ${groupSize}, not synced`] = medians(unsynced);
}
console.table(table);
