/**
 * The network between all processes and clients. Packets of a link arrive in order and once, but for those that by
 * chance are late, lost or repeated; links are blocked and clogged one direction at a time.
 */
import type { PublicKey, RpcEndpoint } from '../../src/store/rpc.ts';
import type { Kernel } from './kernel.ts';
import type { Life } from './life.ts';
import { type EndpointOptions, SimEndpoint } from './network-endpoint.ts';
import { type Listener, type Packet, type PacketNetwork, packetKinds } from './network-packet.ts';
import type { Probes } from './probes.ts';
import type { SeededRandom } from './random.ts';

export interface NetworkConditions {
  /** From, to. */
  readonly delayMs: readonly [number, number];
  /** Of single packets, now and then: they take up to `lateMs` longer, and others overtake them. */
  readonly lateProbability: number;
  readonly lateMs: number;
  readonly lossProbability: number;
  readonly duplicateProbability: number;
}

/** From one process to another. */
interface Link {
  /** For the trace. */
  readonly number: number;
  blocked: boolean;
  clog: Clog | null;
  conditions: NetworkConditions | null;
  /** When the last packet that keeps the order arrives. */
  lastArrivalAt: number;
  /** Kinds of packets that are slower than the others, and keep their order among themselves alone. */
  readonly slow: Map<Packet['kind'], { extraMs: number; lastArrivalAt: number }>;
}

interface Clog {
  readonly capacity: number;
  readonly packets: Packet[];
  bytes: number;
}

/** Apart enough that rounding does not change their order. */
const spacingMs = 0.001;
/** How often bytes that the receiver may no longer read are overwritten. */
const overwriteProbability = 1 / 8;

export class SimNetwork implements PacketNetwork {
  readonly kernel: Kernel;
  readonly random: SeededRandom;
  readonly probes: Probes;
  #conditions: NetworkConditions;
  /** By sender, then by receiver. */
  readonly #links = new Map<string, Map<string, Link>>();
  #linkCount = 0;
  /** The newest of each key; what is sent to one whose life is over arrives nowhere. */
  readonly #listeners = new Map<PublicKey, SimEndpoint>();

  constructor(options: {
    readonly kernel: Kernel;
    readonly random: SeededRandom;
    readonly probes: Probes;
    readonly conditions: NetworkConditions;
  }) {
    this.kernel = options.kernel;
    this.random = options.random;
    this.probes = options.probes;
    this.#conditions = options.conditions;
  }

  /** Of a process for this life, with which it ends: nobody is told. */
  endpoint(life: Life, options: EndpointOptions): RpcEndpoint {
    const endpoint = new SimEndpoint(this, life, options);
    this.#listeners.set(options.publicKey, endpoint);
    return endpoint;
  }

  find(publicKey: PublicKey): Listener | null {
    return this.#listeners.get(publicKey) ?? null;
  }

  send(packet: Packet): boolean {
    const { kind, from, to } = packet;
    if (from.life?.dead) return false;
    const link = this.#link(from.id, to.id);
    if (link.blocked) return false;
    if (link.clog !== null) return this.#holdBack(link.clog, packet);
    const conditions = link.conditions ?? this.#conditions;
    if (this.random.chance(conditions.lossProbability)) {
      this.probes.sometimes(`network: ${kind} lost`);
      return false;
    }
    const repeated = this.random.chance(conditions.duplicateProbability) ? packetKinds[kind].repeated : 'never';
    this.#carry(link, conditions, repeated === 'atOnce' ? this.#twice(packet) : packet);
    if (repeated === 'later') this.#carryAgain(link, conditions, { ...packet, bytes: Buffer.from(packet.bytes) });
    return true;
  }

  waitingBytes(from: string, to: string): number {
    return this.#link(from, to).clog?.bytes ?? 0;
  }

  /** What is on its way already arrives. */
  block(from: string, to: string): void {
    this.#link(from, to).blocked = true;
  }

  unblock(from: string, to: string): void {
    this.#link(from, to).blocked = false;
  }

  isBlocked(from: string, to: string): boolean {
    return this.#link(from, to).blocked;
  }

  /** Packets are held back up to a capacity; more are dropped. */
  clog(from: string, to: string, capacity: number): void {
    const link = this.#link(from, to);
    const { packets, bytes } = link.clog ?? { packets: [], bytes: 0 };
    link.clog = { capacity, packets, bytes };
  }

  /** All that was held back sets out. */
  unclog(from: string, to: string): void {
    this.#unclog(this.#link(from, to));
  }

  /** Ends every block and clog, and what is special about single links. */
  healAll(): void {
    for (const link of this.#allLinks()) {
      link.blocked = false;
      link.conditions = null;
      link.lastArrivalAt = 0;
      link.slow.clear();
      this.#unclog(link);
    }
  }

  /** The process is about to stop in order: whoever is connected to it hears of that, and need not find out. */
  hangUp(id: string): void {
    for (const listener of this.#listeners.values()) if (listener.id === id) listener.hangUp();
  }

  /** Packets of this kind take so much longer, up to as much again, and others overtake them; 0: as all others. */
  slowDown(from: string, to: string, kind: Packet['kind'], extraMs: number): void {
    const { slow } = this.#link(from, to);
    if (extraMs === 0) slow.delete(kind);
    else slow.set(kind, { extraMs, lastArrivalAt: 0 });
  }

  /** For all links without conditions of their own, from now on. */
  setConditions(conditions: NetworkConditions): void {
    this.#conditions = conditions;
    for (const link of this.#allLinks()) link.lastArrivalAt = 0;
  }

  /** Null: as all others. */
  setLinkConditions(from: string, to: string, conditions: NetworkConditions | null): void {
    const link = this.#link(from, to);
    link.conditions = conditions;
    link.lastArrivalAt = 0;
  }

  #allLinks(): readonly Link[] {
    return [...this.#links.values()].flatMap((receivers) => [...receivers.values()]);
  }

  #link(from: string, to: string): Link {
    let receivers = this.#links.get(from);
    if (receivers === undefined) {
      receivers = new Map();
      this.#links.set(from, receivers);
    }
    let link = receivers.get(to);
    if (link === undefined) {
      link = {
        number: this.#linkCount++,
        blocked: false,
        clog: null,
        conditions: null,
        lastArrivalAt: 0,
        slow: new Map(),
      };
      receivers.set(to, link);
    }
    return link;
  }

  #holdBack(clog: Clog, packet: Packet): boolean {
    if (clog.packets.length >= clog.capacity) {
      this.probes.sometimes('network: clog overflows');
      return false;
    }
    clog.packets.push(packet);
    clog.bytes += packet.bytes.length;
    return true;
  }

  #unclog(link: Link): void {
    const packets = link.clog?.packets ?? [];
    link.clog = null;
    if (link.blocked) return;
    for (const packet of packets) this.#carry(link, link.conditions ?? this.#conditions, packet);
  }

  #twice(packet: Packet): Packet {
    const deliver = (bytes: Buffer) => {
      const copy = Buffer.from(bytes);
      packet.deliver(bytes);
      this.probes.sometimes(`network: ${packet.kind} again`);
      packet.deliver(copy);
    };
    return { ...packet, deliver };
  }

  #carry(link: Link, conditions: NetworkConditions, packet: Packet): void {
    const { kernel, random } = this;
    const arrive = () => this.#arrive(link, packet);
    const delayMs = random.between(...conditions.delayMs);
    if (random.chance(conditions.lateProbability)) {
      kernel.after(delayMs + random.next() * conditions.lateMs, packet.to.life, 'network', arrive);
      return;
    }
    const slow = link.slow.get(packet.kind);
    const queue = slow ?? link;
    const takesMs = slow === undefined ? delayMs : delayMs + slow.extraMs * (1 + random.next());
    const inOrderMs = Math.max(takesMs, queue.lastArrivalAt + spacingMs - kernel.now);
    queue.lastArrivalAt = kernel.after(inOrderMs, packet.to.life, 'network', arrive).at;
  }

  #carryAgain(link: Link, conditions: NetworkConditions, packet: Packet): void {
    const { kernel, random, probes } = this;
    const delayMs = random.between(...conditions.delayMs) + random.next() * conditions.lateMs;
    kernel.after(delayMs, packet.to.life, 'network', () => {
      probes.sometimes(`network: ${packet.kind} again`);
      this.#arrive(link, packet);
    });
  }

  #arrive(link: Link, packet: Packet): void {
    const { trace } = this.kernel;
    trace.mix(link.number);
    trace.mixBytes(packet.bytes);
    packet.deliver(packet.bytes);
    if (packetKinds[packet.kind].fleeting && this.random.chance(overwriteProbability)) packet.bytes.fill(0xa5);
  }
}
