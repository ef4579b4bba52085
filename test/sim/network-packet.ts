/** What travels between processes, and what the ends of a connection need of the network. */
import type { PublicKey } from '../../src/store/rpc.ts';
import type { Lane } from '../../src/store/rpc-lane.ts';
import type { Kernel } from './kernel.ts';
import type { Life } from './life.ts';
import type { Probes } from './probes.ts';
import type { SeededRandom } from './random.ts';

export interface Party {
  readonly id: string;
  /** Null: it never ends. */
  readonly life: Life | null;
}

/**
 * `repeated`: when a second copy may arrive. The real transport repeats no request; one that is repeated at once proves as
 * much of the product, but one that is repeated later could be carried out after its first copy was refused.
 * `fleeting`: the bytes belong to the network again once the receiver has returned, and may be overwritten.
 */
export const packetKinds = {
  dial: { repeated: 'later', fleeting: false },
  dialled: { repeated: 'later', fleeting: false },
  refused: { repeated: 'later', fleeting: false },
  closed: { repeated: 'later', fleeting: false },
  /** The end that dialled gives up a connection that stood. */
  left: { repeated: 'later', fleeting: false },
  event: { repeated: 'later', fleeting: true },
  /** An event from the end that was dialled. */
  push: { repeated: 'later', fleeting: true },
  request: { repeated: 'atOnce', fleeting: true },
  answer: { repeated: 'later', fleeting: false },
  ping: { repeated: 'later', fleeting: false },
  pong: { repeated: 'later', fleeting: true },
  /** Over TCP: once, or not at all. */
  http: { repeated: 'never', fleeting: false },
} as const;

export interface Packet {
  readonly kind: keyof typeof packetKinds;
  readonly from: Party;
  /** Nothing arrives once this life is over, though another has begun. */
  readonly to: Party;
  /** The packet's own. */
  readonly bytes: Buffer;
  readonly deliver: (bytes: Buffer) => void;
}

export interface PacketNetwork {
  readonly kernel: Kernel;
  readonly random: SeededRandom;
  readonly probes: Probes;
  /** False if it is lost already; true promises nothing. */
  send(packet: Packet): boolean;
  /** What a clog holds back. */
  waitingBytes(from: string, to: string): number;
  /** The process of this key in its latest life. */
  find(publicKey: PublicKey): Listener | null;
}

/** The end that was dialled. */
export interface Listener extends Party {
  readonly life: Life;
  readonly publicKey: PublicKey;
  /** It hears nothing and says nothing any more. */
  readonly closed: boolean;
  /** Whether it takes the connection; asked again by a repeated packet. */
  admits(dialled: IncomingConnection): boolean;
  /** Whether somebody there waits for the end of this connection. */
  watches(connection: IncomingConnection): boolean;
  /** A packet of this connection arrived. */
  hear(connection: IncomingConnection): void;
  receiveLeave(connection: IncomingConnection): void;
  receiveEvent(from: IncomingConnection, bytes: Uint8Array): void;
  /** Calls `respond` once, if it lives that long; null: refused, or it failed. */
  receiveRequest(from: IncomingConnection, bytes: Uint8Array, respond: (answer: Uint8Array | null) => void): void;
  /** Null if the handler failed. */
  pingInfo(): Uint8Array | null;
}

/** A connection as the end that was dialled sees it. */
export interface IncomingConnection {
  readonly publicKey: PublicKey;
  readonly lane: Lane;
  /** Of what is said back. */
  readonly pushCongested: boolean;
  /** An event to the end that dialled. */
  push(bytes: Uint8Array): void;
  /** Tells the other end that it is over. */
  hangUp(): void;
}

export const noBytes = Buffer.alloc(0);
