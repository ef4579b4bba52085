/**
 * Bytes between processes: one-way events, requests with a deadline, connections that come back by themselves.
 * rpc-hyperswarm.ts is the real one.
 */

/** Hex, 32 bytes: who is at the other end, proven by the handshake. */
export type PublicKey = string;

export interface RpcHandlers {
  /** Must not throw. `bytes` is valid only during the call. */
  onEvent(from: PublicKey, bytes: Uint8Array): void;
  /** Must not reject. `bytes` is valid only until the first await. */
  onRequest(from: PublicKey, bytes: Uint8Array): Promise<Uint8Array>;
  /** Rides on every answer to a ping. */
  pingInfo(): Uint8Array;
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
  /** `address` is `host:port`, asked and resolved to IPv4 at every dial. */
  connect(
    peer: { readonly publicKey: PublicKey; readonly address: () => string },
    events: RpcConnectionEvents,
  ): RpcConnection;
  close(): Promise<void>;
}

/** A frame above this would break the whole connection (16 MiB is the transport's own limit). */
export const rpcBytesMax = 8 * 1024 * 1024;
