/**
 * Opens state/ and proves it whole. A state that is damaged is set aside and built anew: the log holds every entry
 * from the first on, so an empty state that applies it again arrives at the same rows.
 */

import type { Logger } from '../logger.ts';
import type { Clock } from '../raft/interfaces.ts';
import { beforeTheLog, type Index, type LogState } from '../raft/types.ts';
import { type Applied, BatchChain, readApplied, sealApplied } from './batch-chain.ts';
import type { Collection } from './collection.ts';
import { readCollection } from './collection-row.ts';
import { DamagedRowError, innermostMessage, isDamage, isHeldByAnother } from './damage.ts';
import { digestAfter, emptyDigest, formatDigest, noChecksum } from './digest.ts';
import type { Disk, KeyValueStore } from './disk.ts';
import { StartError, StoreError } from './errors.ts';
import { History, type HistoryBounds } from './history.ts';
import {
  allDocumentRows,
  allIndexRows,
  allValueRows,
  appliedKey,
  clockRows,
  collectionRows,
  expiryRows,
  garbageRows,
  idempotencyEndRows,
  idempotencyRows,
  type KeyBounds,
  nameOfCollection,
  resultsRows,
  sessionRows,
} from './keys.ts';
import { type OpenedRow, openRow } from './row.ts';
import { type SavedBlock, type SavedSession, Sessions } from './session.ts';
import { readUint64 } from './uint64.ts';

export interface OpenState {
  readonly store: KeyValueStore;
  readonly applied: Applied;
  readonly chain: BatchChain;
  readonly sessions: Sessions;
  /** In the order in which they were created. */
  readonly collections: readonly Collection[];
  readonly history: History;
  /** Marks the state as damaged, durably: the next open sets it aside. Never rejects. */
  condemn(reason: string): Promise<void>;
}

export interface StateDirectoryOptions {
  readonly clock: Clock;
  /** How much of what has changed is kept for whoever watches. */
  readonly history: HistoryBounds;
  /** See `isFirstStart`: the directory may be made, or be made whole; later it must be there. */
  readonly firstStart: boolean;
  readonly log: Logger;
}

/**
 * Nothing was ever applied here, for no entry was ever in the log: a state that is missing or half made is not damaged,
 * the start that was to make it was cut short.
 */
export function isFirstStart({ last, hardState }: LogState): boolean {
  return last.index === 0 && hardState.claim === null;
}

export async function openStateDirectory(disk: Disk, path: string, options: StateDirectoryOptions): Promise<OpenState> {
  const { log } = options;
  const mark = `${path}.condemned`;
  const condemn = async (reason: string) => {
    log.error('the state is damaged', { path, reason });
    try {
      await disk.writeFile(mark, Buffer.from(`${reason}\n`));
    } catch (error) {
      log.warn('the damaged state could not be marked: the next start may run into the damage once more', {
        path,
        reason: innermostMessage(error),
      });
    }
  };
  const condemned = await disk.readFile(mark);
  if (condemned === undefined) {
    const opened = await openExisting(disk, path, options);
    if (opened.type === 'whole') return { ...opened.state, condemn };
    log.error('the state is damaged: it is set aside and built anew from the log', { path, reason: opened.reason });
  } else {
    const reason = Buffer.from(condemned).toString().trim();
    log.error('the state was found damaged earlier: it is set aside and built anew from the log', { path, reason });
  }
  await setAside(disk, path);
  await disk.remove(mark);
  return { ...(await create(disk, path, options)), condemn };
}

type Opened =
  | { readonly type: 'whole'; readonly state: Omit<OpenState, 'condemn'> }
  | { readonly type: 'damaged'; readonly reason: string };

async function openExisting(disk: Disk, path: string, options: StateDirectoryOptions): Promise<Opened> {
  const { firstStart } = options;
  let store: KeyValueStore;
  try {
    store = await disk.openKeyValueStore(path, { createIfMissing: firstStart });
  } catch (error) {
    if (isDamage(error)) return { type: 'damaged', reason: innermostMessage(error) };
    throw cannotOpen(path, error);
  }
  try {
    if (firstStart && store.get(appliedKey) === undefined) await writeBeginning(store);
    return { type: 'whole', state: await verify(store, options) };
  } catch (error) {
    await store.close();
    if (isDamage(error)) return { type: 'damaged', reason: innermostMessage(error) };
    throw error instanceof StoreError
      ? new StartError(error.code, error.message, { cause: error })
      : cannotOpen(path, error);
  }
}

/** The mark goes last: until then a crash only means doing this again. */
async function setAside(disk: Disk, path: string): Promise<void> {
  const aside = `${path}.damaged`;
  if ((await disk.list(path)).length === 0) return;
  await disk.remove(aside);
  await disk.rename(path, aside);
}

async function create(disk: Disk, path: string, options: StateDirectoryOptions): Promise<Omit<OpenState, 'condemn'>> {
  const store = await disk.openKeyValueStore(path, { createIfMissing: true });
  await writeBeginning(store);
  return verify(store, options);
}

/** A database without an applied row is a damaged one, even before the first entry. */
async function writeBeginning(store: KeyValueStore): Promise<void> {
  const { key, value } = sealApplied({ last: beforeTheLog, chainHash: new Uint8Array(), digest: emptyDigest });
  await store.batch([{ type: 'put', key, value }], { sync: true });
}

/** The replicated rows that are not kept in memory. */
const rowsReadByKey: readonly KeyBounds[] = [
  allValueRows,
  allDocumentRows,
  allIndexRows,
  expiryRows,
  garbageRows,
  idempotencyRows,
  idempotencyEndRows,
  clockRows,
];

/**
 * Reads every row. A row whose own checksum is right may still be missing, or stand under a key with a turned bit: then
 * the sum over all rows is not the digest that was written with the last batch.
 */
async function verify(store: KeyValueStore, options: StateDirectoryOptions): Promise<Omit<OpenState, 'condemn'>> {
  const applied = readApplied(store);
  const chain = await BatchChain.load(store, applied.last.index);
  const saved: SavedSession[] = [];
  const blocks: SavedBlock[] = [];
  let digest = emptyDigest;
  const collections: Collection[] = [];
  for (const rows of rowsReadByKey) {
    for await (const [, row] of openedRows(store, rows)) digest = digestAfter(digest, noChecksum, row.checksum);
  }
  for await (const [key, row] of openedRows(store, collectionRows)) {
    digest = digestAfter(digest, noChecksum, row.checksum);
    collections.push(readCollection(nameOfCollection(key), row.body));
  }
  for await (const [key, row] of openedRows(store, sessionRows)) {
    digest = digestAfter(digest, noChecksum, row.checksum);
    saved.push({ id: readUint64(key, 1) as Index, row });
  }
  for await (const [key, row] of openedRows(store, resultsRows)) {
    digest = digestAfter(digest, noChecksum, row.checksum);
    blocks.push({ session: readUint64(key, 1) as Index, number: readUint64(key, 9), row });
  }
  if (digest !== applied.digest) {
    throw new DamagedRowError(
      `its rows have the digest ${formatDigest(digest)}, but ${formatDigest(applied.digest)} was written`,
    );
  }
  collections.sort((a, b) => a.number - b.number);
  const history = await History.load(store, options.clock, options.history, applied.last.index);
  return { store, applied, chain, sessions: Sessions.load(saved, blocks), collections, history };
}

async function* openedRows(
  store: KeyValueStore,
  bounds: KeyBounds,
): AsyncGenerator<readonly [key: Buffer, row: OpenedRow], void> {
  for await (const [key, row] of store.iterate(bounds)) yield [Buffer.from(key), openRow(key, row)];
}

function cannotOpen(path: string, cause: unknown): StartError {
  const reason = innermostMessage(cause);
  if (isHeldByAnother(cause)) {
    return new StartError('stateHeld', `${path} is in use by another process: stop that one first (${reason})`, {
      cause,
    });
  }
  return new StartError(
    'stateUnreadable',
    `${path} cannot be opened (${reason}); the log and the other replicas are not affected. Check the disk and the ` +
      'permissions. If these are sound, move this one directory away: the replica builds its state anew from its log',
    { cause },
  );
}
