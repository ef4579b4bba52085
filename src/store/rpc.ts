/**
 * Bytes between processes: one-way events, requests with a deadline, connections that come back by themselves.
 * rpc-hyperswarm.ts is the real one.
 */

/** Hex, 32 bytes: who is at the other end, proven by the handshake. */
export type PublicKey = string;

export interface RpcHandlers {
  /** Must not throw. `bytes` is valid only during the call. */
  onEvent(from: RpcPeer, bytes: Uint8Array): void;
  /** Must not reject. `bytes` is valid only until the first await. */
  onRequest(from: RpcPeer, bytes: Uint8Array): Promise<Uint8Array>;
  /** Rides on every answer to a ping. */
  pingInfo(): Uint8Array;
}

/** One connection that another process dialled: the same object for all that comes over it, another for the next one. */
export interface RpcPeer {
  readonly publicKey: PublicKey;
  /** As that of a RpcConnection; false once the connection is gone. */
  readonly congested: boolean;
  /** To the other end's `onEvent`, over this connection. Never throws; dropped when the connection is gone. */
  event(bytes: Uint8Array): void;
  /**
   * Called once: when the connection is gone, or at once if it is. It must not throw. An end that says so, or connects
   * anew, is gone within milliseconds; one that falls silent only after 13 to 18 seconds.
   */
  onClose(callback: () => void): void;
}

export type RpcAnswer =
  | { readonly type: 'answer'; readonly bytes: Uint8Array }
  /** Not sent: there was no connection. */
  | { readonly type: 'notSent' }
  /** Sent; the deadline passed or the connection broke before the answer. */
  | { readonly type: 'lost' };

export interface RpcConnectionEvents {
  onConnect(): void;
  /** The connection broke: what was in flight may be lost. It will be dialled again. */
  onDisconnect(): void;
  /** What came with the answer to a ping; `bytes` is valid only during the call. */
  onPing(info: Uint8Array, roundTripMs: number): void;
  /** What the other end says over this connection without being asked. Must not throw; `bytes` is valid only during the call. */
  onEvent?(bytes: Uint8Array): void;
}

/** A long-lived outgoing connection; dials again with back-off until closed. */
export interface RpcConnection {
  readonly connected: boolean;
  /** Bytes written and not yet taken by the network: the caller's own window keeps this bounded. */
  readonly congested: boolean;
  /** Never throws; dropped when not connected. */
  event(bytes: Uint8Array): void;
  /** Never rejects. */
  request(bytes: Uint8Array, timeoutMs: number): Promise<RpcAnswer>;
  close(): Promise<void>;
}

export interface RpcEndpoint {
  /** Who may connect is asked anew at every handshake. */
  listen(handlers: RpcHandlers, admits: (publicKey: PublicKey) => boolean): Promise<void>;
  /**
   * `address` is `host:port`, asked and resolved to IPv4 at every dial. Connections to the same peer, four at most, are
   * independent of each other.
   */
  connect(
    peer: { readonly publicKey: PublicKey; readonly address: () => string },
    events: RpcConnectionEvents,
  ): RpcConnection;
  close(): Promise<void>;
}

/** A frame above this would break the whole connection (16 MiB is the transport's own limit). */
export const rpcBytesMax = 8 * 1024 * 1024;
