/**
 * One life of a replica on the real disk, the only voter of its cluster, with its client in the same process.
 * It takes its orders as JSON, and ends when it is killed or when its stdin ends; see LifeLine for what it says.
 */
import { writeSync } from 'node:fs';
import path from 'node:path';
import { createLogger } from '../../../src/logger.ts';
import { invariant } from '../../../src/raft/assert.ts';
import type { Clock } from '../../../src/raft/interfaces.ts';
import { index } from '../../../src/raft/types.ts';
import type { Disk, KeyValueStore } from '../../../src/store/disk.ts';
import { levelDisk } from '../../../src/store/disk-level.ts';
import { errorCode, StartError } from '../../../src/store/errors.ts';
import { chainHashBeforeTheLog } from '../../../src/store/log-record.ts';
import { verifiedRecords } from '../../../src/store/log-rows.ts';
import { decodeStoreReply, encodeStoreRequest } from '../../../src/store/protocol-codec.ts';
import { openReplica, type Replica } from '../../../src/store/replica.ts';
import type { RpcEndpoint, RpcHandlers, RpcPeer } from '../../../src/store/rpc.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { undeclaredTouch } from '../../store/undeclared-touch.ts';
import { clusterOf, publicKeyOf } from '../members.ts';
import { streamOf } from '../random.ts';
import { LevelClient } from './client.ts';
import { fingerprint } from './command.ts';
import type { Found, FoundEntry, LifeLine, LifeOrders, Note } from './protocol.ts';

/** Elections of a lonely voter are short of anything to wait for: its clock runs this much faster than time. */
const clockRate = 10;

const fastClock: Clock = {
  now: () => systemClock.now() * clockRate,
  wallNow: () => systemClock.now() * clockRate,
  setTimer: (delayMs, callback) => systemClock.setTimer(delayMs / clockRate, callback),
  defer: systemClock.defer,
};

const orders: LifeOrders = JSON.parse(process.argv[2] ?? '');
const id = 'r1';
const notes: Note[] = [];
/** The databases as the replica has them open, by the name of their directory. */
const databases = new Map<string, KeyValueStore>();
let handlers: RpcHandlers | null = null;

const disk: Disk = {
  ...levelDisk,
  async openKeyValueStore(directory, options) {
    const database = await levelDisk.openKeyValueStore(directory, options);
    databases.set(path.basename(directory), database);
    return database;
  },
};

/** The client, which is not a connection. */
const asker: RpcPeer = { publicKey: publicKeyOf(id), congested: false, event() {}, onClose() {} };

/** Nobody else is there. */
const endpoint: RpcEndpoint = {
  async listen(given) {
    handlers = given;
  },
  connect() {
    throw new Error('a lonely voter connects to nobody');
  },
  async close() {},
};

/** At once: what has been said is out, whatever happens next. */
function say(line: LifeLine): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

function open(): Promise<Replica> {
  return openReplica({
    id,
    cluster: clusterOf(1, 0),
    dataDirectory: orders.directory,
    log: createLogger({ id, level: 'info', write: note }),
    onFatal: fail,
    observer: { logAppended() {}, applied() {}, proposed() {}, readIndexed() {}, undeclaredTouch },
    world: {
      disk,
      clock: fastClock,
      random: streamOf(orders.seed, 'replica'),
      newUuid: () => `uuid-${orders.seed}`,
      openEndpoint: async () => endpoint,
      watchDiskSpace: async () => ({ full: false, close() {} }),
    },
  });
}

/** The first thing it has to tell is its verdict. */
function note(line: string): void {
  if (notes.length === 0) say({ type: 'judged' });
  notes.push(JSON.parse(line));
}

function fail(error: Error): never {
  say({ type: 'failed', code: errorCode(error) ?? error.name, reason: error.message });
  process.exit(1);
}

async function found(replica: Replica): Promise<Found> {
  const { currentTerm, votedFor, claim } = replica.inspect();
  const database = databases.get('log');
  invariant(database !== undefined, 'a replica that runs has its log open');
  const entries: FoundEntry[] = [];
  for await (const record of verifiedRecords(database, index(1), null, chainHashBeforeTheLog)) {
    invariant(record.type === 'record', 'a replica that runs has a whole log');
    const { entry } = record;
    entries.push({ term: entry.term, fingerprint: entry.type === 'command' ? fingerprint(entry.command) : null });
  }
  return {
    type: 'found',
    currentTerm,
    votedFor,
    claim: claim === null ? null : { term: claim.term, index: claim.index },
    entries,
    notes: notes.map(({ level, message }) => ({ level, message })),
  };
}

const client = new LevelClient({
  orders,
  say,
  status: () => replica.status(),
  async ask(request) {
    invariant(handlers !== null, 'a replica that has started listens');
    try {
      const reply = decodeStoreReply(await handlers.onRequest(asker, encodeStoreRequest(request)));
      invariant(reply !== null, 'a replica answers in a form that is known');
      return reply;
    } catch {
      // The replica is about to end, and will say why.
      return new Promise<never>(() => {});
    }
  },
});

async function live(): Promise<void> {
  const told = await found(replica);
  say(told);
  const isRecovering = told.claim !== null;
  if (!isRecovering) {
    await client.serve();
    if (orders.works) await client.work();
    else await client.readEveryKey();
  } else if (orders.works) {
    await stdinEnded;
  }
  await replica.close();
  say({ type: 'closed' });
  process.exit();
}

const stdinEnded = new Promise<void>((resolve) => process.stdin.resume().once('end', resolve));
say({ type: 'opening' });
const replica = await open().catch((error: Error) => {
  if (!(error instanceof StartError)) return fail(error);
  say({ type: 'refused', code: error.code, reason: error.message });
  process.exit();
});
void stdinEnded.then(() => client.stop());
await live();
