/** A world that only remembers what was done to it, under the real kernel. */
import type { CrashKind, CrashMoment } from './disk.ts';
import { DiskImage } from './disk.ts';
import { DiskTree } from './disk-tree.ts';
import { Kernel } from './kernel.ts';
import type { NetworkConditions } from './network.ts';
import type {
  TargetDisk,
  TargetGateway,
  TargetLife,
  TargetNetwork,
  TargetProcess,
  TargetReplica,
  TargetWorld,
} from './plan-world.ts';

export class FakeWorld implements TargetWorld {
  readonly kernel = new Kernel({ afterEvent: () => {}, eventsMax: 100_000 });
  readonly network = new FakeNetwork();
  readonly replicas: readonly FakeReplica[];
  readonly gateways: readonly FakeGateway[];
  readonly clients = ['client:1'];
  readonly notes: string[] = [];
  readonly damaged: string[] = [];
  readonly reached: string[] = [];
  readonly probes = { sometimes: (name: string) => void this.reached.push(name) };
  leaderId: string | null = 'r1';

  constructor(replicas: number, gateways: number) {
    this.replicas = Array.from({ length: replicas }, (_, at) => new FakeReplica(`r${at + 1}`));
    this.gateways = Array.from({ length: gateways }, (_, at) => new FakeGateway(`g${at + 1}`));
  }

  leader(): FakeReplica | null {
    return this.replicas.find(({ id, life }) => id === this.leaderId && life !== null) ?? null;
  }

  noteDamage(id: string): void {
    this.damaged.push(id);
  }

  note(line: string): void {
    this.notes.push(line);
  }

  replica(id: string): FakeReplica {
    const found = this.replicas.find((replica) => replica.id === id);
    if (found === undefined) throw new Error(`there is no ${id}`);
    return found;
  }

  get running(): readonly string[] {
    return this.replicas.filter(({ life }) => life !== null).map(({ id }) => id);
  }

  get skipped(): readonly string[] {
    return this.notes.filter((note) => note.startsWith('skipped'));
  }
}

export class FakeNetwork implements TargetNetwork {
  readonly blocked = new Set<string>();
  readonly clogged = new Set<string>();
  readonly hungUp: string[] = [];
  readonly slow = new Map<string, number>();
  readonly ofLinks = new Map<string, NetworkConditions>();
  conditions: NetworkConditions | null = null;

  block(from: string, to: string): void {
    this.blocked.add(`${from} ${to}`);
  }

  unblock(from: string, to: string): void {
    this.blocked.delete(`${from} ${to}`);
  }

  /** On purpose it heals nothing: whoever ends faults has to end each of them. */
  healAll(): void {}

  clog(from: string, to: string): void {
    this.clogged.add(`${from} ${to}`);
  }

  unclog(from: string, to: string): void {
    this.clogged.delete(`${from} ${to}`);
  }

  hangUp(id: string): void {
    this.hungUp.push(id);
  }

  slowDown(from: string, to: string, kind: string, extraMs: number): void {
    const name = `${kind} ${from} ${to}`;
    if (extraMs === 0) this.slow.delete(name);
    else this.slow.set(name, extraMs);
  }

  setConditions(conditions: NetworkConditions): void {
    this.conditions = conditions;
  }

  setLinkConditions(from: string, to: string, conditions: NetworkConditions | null): void {
    if (conditions === null) this.ofLinks.delete(`${from} ${to}`);
    else this.ofLinks.set(`${from} ${to}`, conditions);
  }

  conditionsOf(from: string, to: string): NetworkConditions | null {
    return this.ofLinks.get(`${from} ${to}`) ?? this.conditions;
  }
}

class FakeLife implements TargetLife {
  eventMs = 0;
  rate = 1;
  wallStepMs = 0;
  readonly pausesMs: number[] = [];

  pause(durationMs: number): void {
    this.pausesMs.push(durationMs);
  }

  suspend(durationMs: number): void {
    this.pausesMs.push(durationMs);
  }

  slowDown(eventMs: number): void {
    this.eventMs = eventMs;
  }

  setRate(rate: number): void {
    this.rate = rate;
  }

  setWall(byMs: number): void {
    this.wallStepMs += byMs;
  }
}

export class FakeProcess implements TargetProcess {
  readonly id: string;
  life: FakeLife | null = new FakeLife();
  readonly crashes: CrashKind[] = [];

  constructor(id: string) {
    this.id = id;
  }

  start(): void {
    this.life ??= new FakeLife();
  }

  crash(kind: CrashKind): void {
    if (this.life !== null) this.crashes.push(kind);
    this.life = null;
  }
}

export class FakeGateway extends FakeProcess implements TargetGateway {
  rests = 0;

  rest(): () => void {
    this.rests += 1;
    return () => {
      this.rests -= 1;
    };
  }
}

export class FakeReplica extends FakeProcess implements TargetReplica {
  readonly disk = new FakeDisk();
  isRecovering = false;
  refused: string | null = null;
  lastIndex = 10;
  appliedIndex = 10;
  excused = false;
  lost = false;

  get role(): string | null {
    return this.life === null ? null : 'follower';
  }

  get status() {
    return this.life === null ? null : { lastIndex: this.lastIndex, appliedIndex: this.appliedIndex };
  }

  override start(): void {
    if (this.refused === null) super.start();
  }

  lose(): void {
    this.lost = true;
  }

  excuse(): void {
    this.excused = true;
  }
}

class FakeDisk implements TargetDisk {
  extraMs = 0;
  stalledMs = 0;
  full = false;
  failing = false;
  readonly deeds: string[] = [];
  readonly #crashes = new Set<{ left: number; readonly reached: () => void }>();

  atWrite(nth: number, _moment: CrashMoment, reached: () => void): () => boolean {
    const crash = { left: nth, reached };
    this.#crashes.add(crash);
    return () => this.#crashes.delete(crash);
  }

  /** Its process writes. */
  write(): void {
    for (const crash of [...this.#crashes]) {
      if (--crash.left === 0 && this.#crashes.delete(crash)) crash.reached();
    }
  }

  failWrites(): void {
    this.failing = true;
  }

  slowDown(extraMs: number): void {
    this.extraMs = extraMs;
  }

  stall(durationMs: number): void {
    this.stalledMs = durationMs;
  }

  heal(): void {
    this.extraMs = 0;
    this.stalledMs = 0;
    this.full = false;
    this.failing = false;
  }

  fill(full: boolean): void {
    this.full = full;
  }

  damage(part: string, kind: string): string {
    return this.#did(`damage ${part} ${kind}`);
  }

  damageWitness(which: string, how: string): string {
    return this.#did(`damage witness ${which} ${how}`);
  }

  wipe(): void {
    this.#did('wipe');
  }

  image(): DiskImage {
    return new DiskImage(new DiskTree());
  }

  restore(part: string): void {
    this.#did(`restore ${part}`);
  }

  #did(deed: string): string {
    this.deeds.push(deed);
    return deed;
  }
}
