/** Logs in real directories, and entries to put into them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { createLogger, type LogLevel } from '../../src/logger.ts';
import type { LogStore } from '../../src/raft/interfaces.ts';
import { type Entry, type EntryId, type HardState, index, type LogBatch, term } from '../../src/raft/types.ts';
import { openDataDirectory } from '../../src/store/data-directory.ts';
import type { Disk } from '../../src/store/disk.ts';
import { levelDisk } from '../../src/store/disk-level.ts';
import { openLogStore } from '../../src/store/log-store.ts';

export async function scratch(t: ExecutionContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'bazar-log-'));
  t.teardown(() => rm(path, { recursive: true, force: true }));
  return path;
}

export interface OpenLog {
  readonly store: LogStore;
  /** What was logged as information. */
  readonly notes: readonly string[];
  /** What was logged above that. */
  readonly warnings: readonly string[];
  close(): Promise<void>;
}

export async function openLog(path: string, disk: Disk = levelDisk): Promise<OpenLog> {
  const warnings: string[] = [];
  const notes: string[] = [];
  const write = (line: string) => {
    const { level }: { level: LogLevel } = JSON.parse(line);
    (level === 'info' ? notes : warnings).push(line);
  };
  const directory = await openDataDirectory(disk, path, {
    clusterId: 'cluster',
    replicaId: 'r1',
    newUuid: () => 'uuid-1',
  });
  try {
    const log = createLogger({ id: 'r1', level: 'info', write });
    const store = await openLogStore(disk, directory, { replicaId: 'r1', log });
    return {
      store,
      warnings,
      notes,
      async close() {
        await store.close();
        await directory.release();
      },
    };
  } catch (error) {
    await directory.release();
    throw error;
  }
}

/** Opens, uses and closes. */
export async function withLog<Result>(path: string, use: (log: OpenLog) => Promise<Result>): Promise<Result> {
  const log = await openLog(path);
  try {
    return await use(log);
  } finally {
    await log.close();
  }
}

export function entryId(entryTerm: number, entryIndex: number): EntryId {
  return { term: term(entryTerm), index: index(entryIndex) };
}

export function command(entryTerm: number, entryIndex: number, payload: string | Buffer = ''): Entry {
  const bytes = payload === '' ? `entry ${entryIndex} of term ${entryTerm}` : payload;
  return { ...entryId(entryTerm, entryIndex), type: 'command', command: Buffer.from(bytes) };
}

/** Commands of one term, from index `from` to `to`. */
export function commands(entryTerm: number, from: number, to: number, payloadBytes = 0): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, position) => {
    const at = from + position;
    const text = `entry ${at} of term ${entryTerm}`;
    return command(entryTerm, at, payloadBytes === 0 ? text : Buffer.alloc(payloadBytes, `${text};`));
  });
}

export function hardState(currentTerm: number, claim: EntryId | null = null): HardState {
  return { currentTerm: term(currentTerm), votedFor: null, claim };
}

export function batch(entries: readonly Entry[], options: Partial<LogBatch> = {}): LogBatch {
  return { hardState: hardState(entries.at(-1)?.term ?? 1), truncateFrom: null, entries, ...options };
}

export async function readAll(store: LogStore, last: EntryId = store.state.last): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  while (entries.length < last.index) {
    entries.push(...(await store.read(index(entries.length + 1), last.index, 1024 * 1024)));
  }
  return entries;
}

/** Commands arrive as views of other buffers: compared by their bytes. */
export function plain(entries: readonly Entry[]): readonly unknown[] {
  return entries.map((entry) =>
    entry.type === 'command' ? { ...entry, command: Buffer.from(entry.command).toString('latin1') } : entry,
  );
}

/** Appends in batches. */
export async function appendAll(store: LogStore, entries: readonly Entry[], batchEntries: number): Promise<void> {
  for (let from = 0; from < entries.length; from += batchEntries) {
    await store.append(batch(entries.slice(from, from + batchEntries)));
  }
}
