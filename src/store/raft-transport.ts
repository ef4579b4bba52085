/**
 * The driver's Transport: one outgoing connection to each peer, messages as events, nothing waited for.
 */
import type { Transport, TransportEvents } from '../raft/interfaces.ts';
import type { Message } from '../raft/message.ts';
import type { ReplicaId } from '../raft/types.ts';
import { decodeMessages, encodeMessages } from './message-codec.ts';
import type { PublicKey, RpcConnection, RpcEndpoint } from './rpc.ts';

export interface PeerAddress {
  readonly id: ReplicaId;
  readonly publicKey: PublicKey;
  /** `host:port`, UDP. */
  readonly rpc: string;
}

export interface RaftTransportOptions {
  readonly endpoint: RpcEndpoint;
  readonly self: ReplicaId;
  /** The replicas as they are now, this one among them or not. Asked again by `updatePeers` and at every dial. */
  readonly peers: () => readonly PeerAddress[];
  readonly events: TransportEvents;
  readonly idOfKey: (publicKey: PublicKey) => ReplicaId | null;
}

export interface RaftTransportStatistics {
  /** Malformed, of an unknown version, or for another replica. */
  readonly unreadableFrames: number;
  /** `from` is not who the sender's key belongs to. */
  readonly forgedFrames: number;
  /** AppendEntries with entries that were dropped because the connection was congested. */
  readonly congestedDrops: number;
}

export interface RaftTransport extends Transport {
  /** For the endpoint's onEvent. */
  receive(from: PublicKey, bytes: Uint8Array): void;
  /** Connects to replicas that are new or have a new key, and disconnects from those that left. */
  updatePeers(): void;
  statistics(): RaftTransportStatistics;
  close(): Promise<void>;
}

/**
 * A frame is split before it grows beyond this. A follower hears its leader with every whole frame: on a link of
 * 100 Mbit/s this one takes 84 ms, and a full window in one frame would outlast an election timeout.
 */
const frameBytesMax = 1024 * 1024;
/** More than a message takes without its commands, and than an entry does. */
const messageOverheadBytes = 128;
const entryOverheadBytes = 16;

interface Link {
  readonly publicKey: PublicKey;
  readonly connection: RpcConnection;
}

/** Connects to all peers at once. */
export function createRaftTransport(options: RaftTransportOptions): RaftTransport {
  const { endpoint, self, peers, events, idOfKey } = options;
  const links = new Map<ReplicaId, Link>();
  let unreadableFrames = 0;
  let forgedFrames = 0;
  let congestedDrops = 0;

  function link({ id, publicKey, rpc }: PeerAddress): Link {
    let address = rpc;
    const connection = endpoint.connect(
      {
        publicKey,
        address() {
          address = peers().find((peer) => peer.id === id)?.rpc ?? address;
          return address;
        },
      },
      { onConnect() {}, onDisconnect: () => events.onDisconnect(id), onPing() {} },
    );
    return { publicKey, connection };
  }

  function updatePeers(): void {
    const wanted = new Map(peers().flatMap((peer) => (peer.id === self ? [] : [[peer.id, peer]])));
    for (const [id, { publicKey, connection }] of links) {
      if (wanted.get(id)?.publicKey === publicKey) continue;
      links.delete(id);
      void connection.close();
    }
    for (const [id, peer] of wanted) if (!links.has(id)) links.set(id, link(peer));
  }

  function send(to: ReplicaId, messages: readonly Message[]): void {
    const connection = links.get(to)?.connection;
    if (!connection?.connected) return;
    let frame: Message[] = [];
    let frameBytes = 0;
    for (const message of messages) {
      // The core sends entries anew when no answer comes; a heartbeat or a vote is small and must not wait.
      if (connection.congested && message.type === 'appendEntries' && message.entries.length > 0) {
        congestedDrops++;
        continue;
      }
      const bytes = estimateBytes(message);
      if (frame.length > 0 && frameBytes + bytes > frameBytesMax) {
        connection.event(encodeMessages(frame));
        frame = [];
        frameBytes = 0;
      }
      frame.push(message);
      frameBytes += bytes;
    }
    if (frame.length > 0) connection.event(encodeMessages(frame));
  }

  function receive(publicKey: PublicKey, bytes: Uint8Array): void {
    const messages = decodeMessages(bytes);
    const first = messages?.[0];
    if (messages === null || first === undefined || first.to !== self) {
      unreadableFrames++;
    } else if (first.from === self || first.from !== idOfKey(publicKey)) {
      forgedFrames++;
    } else {
      events.onMessages(first.from, messages);
    }
  }

  updatePeers();
  return {
    send,
    receive,
    updatePeers,
    statistics: () => ({ unreadableFrames, forgedFrames, congestedDrops }),
    async close() {
      await Promise.all([...links.values()].map(({ connection }) => connection.close()));
      links.clear();
    },
  };
}

function estimateBytes(message: Message): number {
  if (message.type !== 'appendEntries') return messageOverheadBytes;
  let bytes = messageOverheadBytes;
  for (const entry of message.entries) {
    bytes += entryOverheadBytes + (entry.type === 'command' ? entry.command.length : 0);
  }
  return bytes;
}
