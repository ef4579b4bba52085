/**
 * The directory of one replica:
 *
 *   lock           who has it open
 *   initialising   while its first start is under way: whatever else is there is unfinished
 *   identity.json  whose it is; written last
 *   log/ witness   the durable log
 *   state/         the replicated state, made by its own opener
 */
import { join } from 'node:path';
import type { ReplicaId } from '../raft/types.ts';
import type { Disk } from './disk.ts';
import { StartError } from './errors.ts';
import { witnessName } from './log-boot.ts';
import { logName } from './log-repair.ts';
import { createLog } from './log-store.ts';

const lockName = 'lock';
const markerName = 'initialising';
const identityName = 'identity.json';
const identityVersion = 1;

/** What a first start makes under the marker. */
const partialNames = [logName, witnessName, `${identityName}.tmp`];

/** What may stand in a directory that nobody has used yet: the marker may have been cut off while it was written. */
const unusedName = /^(lock(\..*)?|initialising\.tmp)$/;

export interface DataDirectory {
  readonly path: string;
  /** The directory's own random name, made at its first start. */
  readonly uuid: string;
  /** Lets another process have it. */
  release(): Promise<void>;
}

export interface DataDirectoryOptions {
  readonly clusterId: string;
  readonly replicaId: ReplicaId;
  readonly newUuid: () => string;
}

/**
 * Rejects with StartError, having touched nothing: directoryInUse, directoryNotEmpty, identityUnreadable,
 * identityVersion, wrongCluster, wrongReplica.
 */
export async function openDataDirectory(
  disk: Disk,
  path: string,
  options: DataDirectoryOptions,
): Promise<DataDirectory> {
  // Asked before the lock, which would already be a trace in a directory that is not ours, and again behind it.
  await examine(disk, path, options);
  await disk.makeDirectory(path);
  const lock = await disk.lock(join(path, lockName));
  if (lock.type === 'held') {
    throw new StartError(
      'directoryInUse',
      `${path} is in use by process ${lock.pid}: stop that one first, or name another data directory`,
    );
  }
  const release = () => lock.release();
  try {
    const found = await examine(disk, path, options);
    const uuid = found.type === 'initialised' ? found.uuid : options.newUuid();
    if (found.type === 'unused') await initialise(disk, path, { ...options, uuid });
    else if (found.marked) await disk.remove(join(path, markerName));
    return { path, uuid, release };
  } catch (error) {
    await release();
    throw error;
  }
}

type Examination =
  | { readonly type: 'unused' }
  /** `marked`: all that the first start still lacked was to remove its marker. */
  | { readonly type: 'initialised'; readonly uuid: string; readonly marked: boolean };

async function examine(disk: Disk, path: string, options: DataDirectoryOptions): Promise<Examination> {
  const names = await disk.list(path);
  if (names.includes(identityName)) {
    const file = join(path, identityName);
    const identity = parseIdentity(file, await disk.readFile(file), options.replicaId);
    if (identity.clusterId !== options.clusterId) {
      throw new StartError(
        'wrongCluster',
        `${path} belongs to cluster ${identity.clusterId}, the cluster file names ${options.clusterId}: ` +
          'name the other cluster file or another data directory',
      );
    }
    if (identity.replicaId !== options.replicaId) {
      throw new StartError(
        'wrongReplica',
        `${path} belongs to replica ${identity.replicaId}, this one is ${options.replicaId}: ` +
          'name the other id or another data directory',
      );
    }
    return { type: 'initialised', uuid: identity.uuid, marked: names.includes(markerName) };
  }
  const stranger = names.includes(markerName) ? undefined : names.find((name) => !unusedName.test(name));
  if (stranger !== undefined) {
    throw new StartError(
      'directoryNotEmpty',
      `${path} is not a data directory: it holds ${stranger} but no ${identityName}; name an empty or a new directory`,
    );
  }
  return { type: 'unused' };
}

async function initialise(
  disk: Disk,
  path: string,
  { clusterId, replicaId, uuid }: { clusterId: string; replicaId: ReplicaId; uuid: string },
): Promise<void> {
  await disk.writeFile(join(path, markerName), new Uint8Array());
  for (const name of partialNames) await disk.remove(join(path, name));
  await createLog(disk, path);
  const identity = { version: identityVersion, clusterId, replicaId, uuid };
  await disk.writeFile(join(path, identityName), Buffer.from(`${JSON.stringify(identity, null, 2)}\n`));
  await disk.remove(join(path, markerName));
}

interface Identity {
  readonly clusterId: string;
  readonly replicaId: ReplicaId;
  readonly uuid: string;
}

function parseIdentity(file: string, bytes: Uint8Array | undefined, replicaId: ReplicaId): Identity {
  const { version, clusterId, replicaId: id, uuid } = parseFields(bytes);
  if (typeof version === 'number' && version !== identityVersion) {
    throw new StartError(
      'identityVersion',
      `${file} has version ${version}, this program knows ${identityVersion}: start the program that wrote it`,
    );
  }
  if (
    typeof version !== 'number' ||
    typeof clusterId !== 'string' ||
    typeof id !== 'string' ||
    typeof uuid !== 'string'
  ) {
    throw new StartError(
      'identityUnreadable',
      `${replicaId} lost its data: remove it and add a replacement under a new id ` +
        `(${file} does not hold version, clusterId, replicaId and uuid)`,
    );
  }
  return { clusterId, replicaId: id, uuid };
}

function parseFields(bytes: Uint8Array | undefined): { readonly [Field in keyof Identity | 'version']?: unknown } {
  try {
    return JSON.parse(Buffer.from(bytes ?? []).toString()) ?? {};
  } catch {
    return {};
  }
}
