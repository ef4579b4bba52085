/** The product's replica as a process of the simulation: started, crashed, and started again by its supervisor. */
import type { ClusterFile } from '../../src/cluster-file.ts';
import type { LogFields, Logger } from '../../src/logger.ts';
import { InvariantError } from '../../src/raft/assert.ts';
import type { RaftConstants } from '../../src/raft/constants.ts';
import { IdentityLostError } from '../../src/raft/node.ts';
import type { RaftState } from '../../src/raft/state.ts';
import { errorCode, StartError, StoreError } from '../../src/store/errors.ts';
import { openReplica, type Replica, type ReplicaObserver } from '../../src/store/replica.ts';
import type { PublicKey, RpcEndpoint, RpcPeer } from '../../src/store/rpc.ts';
import { undeclaredTouch } from '../store/undeclared-touch.ts';
import type { DatabasePart } from './disk.ts';
import type { HarmableDisk } from './disk-harm.ts';
import type { Event } from './event-heap.ts';
import type { Kernel } from './kernel.ts';
import type { Life } from './life.ts';
import { publicKeyOf } from './members.ts';
import type { SimNetwork } from './network.ts';
import { type RaftOracle, SafetyViolation } from './raft-oracle.ts';
import { streamOf } from './random.ts';

export interface ReplicaContext {
  readonly seed: number;
  readonly kernel: Kernel;
  readonly network: SimNetwork;
  readonly oracle: RaftOracle;
  readonly cluster: ClusterFile;
  readonly constants: RaftConstants;
  readonly log: Logger;
  /** How fast this process's clock runs. */
  readonly rateOf: (id: string) => number;
  /** How far the clock on the wall of this process's machine is ahead. */
  readonly wallOf: (id: string) => number;
  readonly note: (line: string) => void;
  /** A replica has applied everything up to this index. */
  readonly onApplied: (appliedIndex: number) => void;
}

/** As `bazar dev`: a process that ended by itself is started again. */
const restartMs = 500;
const pingIntervalMs = 500;

const observer: ReplicaObserver = {
  logAppended() {},
  applied() {},
  proposed() {},
  readIndexed() {},
  undeclaredTouch,
};

export class SimReplica {
  readonly id: string;
  readonly disk: HarmableDisk;
  readonly #context: ReplicaContext;
  #life: Life | null = null;
  #replica: Replica | null = null;
  #refused: string | null = null;
  /** What stood on its disk was damaged, or a write failed: until it has started anew, it may find that, and stop. */
  #excused = false;
  /** What it promised is gone: it may refuse to start for good. */
  #lost = false;
  /** Its log was harmed, and has not been known to have all its entries since. */
  #mayClaim = false;
  #uuids = 0;
  /** Its supervisor is about to start it again. */
  #restart: Event | null = null;
  #appliedIndex = 0;

  constructor(id: string, disk: HarmableDisk, context: ReplicaContext) {
    this.id = id;
    this.disk = disk;
    this.#context = context;
  }

  /** Null: it is down. */
  get life(): Life | null {
    return this.#life;
  }

  /** Null: it is down, or still opening its directory. */
  get state(): Readonly<RaftState> | null {
    return this.#replica?.inspect() ?? null;
  }

  get role(): string | null {
    return this.state?.role.name ?? null;
  }

  get isRecovering(): boolean {
    return this.state !== null && this.state.claim !== null;
  }

  /** Why it will never start again; null: it may. */
  get refused(): string | null {
    return this.#refused;
  }

  get status() {
    return this.#replica?.status() ?? null;
  }

  excuse(): void {
    this.#excused = true;
  }

  lose(): void {
    this.#lost = true;
  }

  start(): void {
    this.#cancelRestart();
    if (this.#life !== null || this.#refused !== null) return;
    const { kernel, rateOf, wallOf } = this.#context;
    const life = kernel.startLife(this.id, rateOf(this.id));
    if (wallOf(this.id) > 0) life.setWall(wallOf(this.id));
    this.#life = life;
    kernel.after(0, life, 'world', () => void this.#open(life).catch((error) => kernel.fail(error)));
  }

  /** It stays down until `start`. */
  crash(kind: 'process' | 'power'): void {
    this.#cancelRestart();
    if (this.#life === null) return;
    this.#life.end();
    this.#life = null;
    this.#replica = null;
    this.disk.crash(kind);
    this.#context.oracle.stopped(this.id);
  }

  /** After every event of this process. */
  afterEvent(): void {
    if (this.#replica === null) return;
    this.#context.oracle.stepped(this.id);
    if (this.#mayClaim) this.#noteRecovery(this.#replica.inspect());
    if (this.#replica.inspect().publishIndex === this.#appliedIndex) return;
    const { appliedIndex, stateDigest } = this.#replica.status();
    if (appliedIndex === this.#appliedIndex) return;
    this.#appliedIndex = appliedIndex;
    this.#context.oracle.applied(this.id, appliedIndex, stateDigest);
    this.#context.onApplied(appliedIndex);
  }

  async #open(life: Life): Promise<void> {
    const { seed, network, oracle, cluster, constants } = this.#context;
    try {
      const replica = await openReplica({
        id: this.id,
        cluster,
        dataDirectory: `/${this.id}`,
        log: this.#logger(),
        onFatal: (error) => this.#ended(life, error),
        observer,
        world: {
          disk: this.disk.attach(life),
          clock: life.clock,
          constants,
          random: streamOf(seed, `${this.id}/${life.number}`),
          newUuid: () => `${this.id}-${++this.#uuids}`,
          openEndpoint: async (_log, onFatal) => {
            const endpoint = network.endpoint(life, {
              id: this.id,
              publicKey: publicKeyOf(this.id),
              pingIntervalMs,
              onFatal,
              tap: (to, bytes) => oracle.sent(this.id, to, bytes),
            });
            return overheard(endpoint, (publicKey, bytes) => {
              const from = cluster.replicas.find((member) => member.publicKey === publicKey);
              if (from !== undefined) oracle.received(this.id, from.id, bytes, life.clock.now());
            });
          },
          watchDiskSpace: async () => {
            const { disk } = this;
            return {
              get full() {
                return disk.full;
              },
              close() {},
            };
          },
        },
      });
      if (life.dead) return;
      // A start reads everything: what was damaged is found by now.
      if (this.disk.failing === null) this.#excused = false;
      this.#judgeClaim(replica.inspect());
      this.disk.examined();
      this.#replica = replica;
      this.#appliedIndex = -1;
      oracle.started(this.id, replica.inspect);
    } catch (error) {
      this.#ended(life, error);
    }
  }

  /** The process ends by itself, with this error. */
  #ended(life: Life, error: unknown): void {
    if (life.dead) return;
    const { kernel, note } = this.#context;
    if (!this.#mayEndWith(error)) {
      kernel.fail(error);
      return;
    }
    const reason = error instanceof Error ? error.message : String(error);
    this.crash('process');
    note(`${this.id} ends: ${reason}`);
    if (isFinal(error)) this.#refused = reason;
    else this.#restart = kernel.after(restartMs, null, 'world', () => this.start());
  }

  #judgeClaim(state: Readonly<RaftState>): void {
    if (this.disk.isHarmed('log')) this.#mayClaim = true;
    if (state.claim !== null && !this.#mayClaim) throw this.#misjudgement('claims to have lost entries');
    this.#noteRecovery(state);
  }

  #noteRecovery({ claim, batchInFlight }: Readonly<RaftState>): void {
    // A claim that is given up stays on the disk until the batch is written.
    if (claim === null && batchInFlight === null) this.#mayClaim = false;
  }

  #misjudgement(what: string): SafetyViolation {
    return new SafetyViolation('a sound disk is taken for sound', `${this.id} ${what}; nothing has harmed its disk`);
  }

  /** What it says of its disk is judged. */
  #logger(): Logger {
    const { log, kernel } = this.#context;
    const judged =
      (level: 'warn' | 'error') =>
      (message: string, fields: LogFields = {}) => {
        const { reason } = fields;
        const part = partCalledDamaged(message);
        if (part !== null && !this.disk.isHarmed(part)) {
          kernel.fail(this.#misjudgement(`says “${message}” (${reason})`));
        }
        log[level](message, fields);
      };
    return { ...log, warn: judged('warn'), error: judged('error') };
  }

  #cancelRestart(): void {
    if (this.#restart !== null) this.#restart.run = null;
    this.#restart = null;
  }

  #mayEndWith(error: unknown): boolean {
    if (error instanceof InvariantError) return false;
    // A disk that fails while a directory is being made or repaired says so itself.
    const isFromDisk = error instanceof StoreError || errorCode(error) !== undefined;
    return isFinal(error) ? this.#lost : this.#excused && isFromDisk;
  }
}

/** The endpoint, and somebody who hears every event before it does. */
function overheard(endpoint: RpcEndpoint, hear: (from: PublicKey, bytes: Uint8Array) => void): RpcEndpoint {
  return {
    listen(handlers, admits) {
      const onEvent = (from: RpcPeer, bytes: Uint8Array) => {
        hear(from.publicKey, bytes);
        handlers.onEvent(from, bytes);
      };
      return endpoint.listen({ ...handlers, onEvent }, admits);
    },
    connect: (peer, events) => endpoint.connect(peer, events),
    close: () => endpoint.close(),
  };
}

function partCalledDamaged(message: string): DatabasePart | null {
  if (!message.includes('damaged')) return null;
  return message.startsWith('the log ') ? 'log' : 'state';
}

const finalCodes: ReadonlySet<string> = new Set(['replicaLost', 'STATE_MISMATCH', 'directoryNotEmpty']);

/** A person has to replace the replica. */
function isFinal(error: unknown): boolean {
  return error instanceof IdentityLostError || (error instanceof StartError && finalCodes.has(error.code));
}
