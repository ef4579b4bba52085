/** What we use of hyperdht 6.34 and @hyperswarm/rpc 3.5, which carry no types of their own. */

declare module 'hyperdht' {
  import type { EventEmitter } from 'node:events';

  namespace DHT {
    interface KeyPair {
      readonly publicKey: Buffer;
      readonly secretKey: Buffer;
    }

    interface SocketAddress {
      readonly host: string;
      readonly port: number;
    }

    interface Options {
      readonly bootstrap: readonly string[];
      /** An IPv4 literal. */
      readonly host: string;
      /** The first port to try, and the one after the last; 0 is any free port. */
      readonly port: readonly [first: number, end: number];
      readonly anyPort: boolean;
      readonly firewalled: boolean;
      readonly ephemeral: boolean;
      readonly keyPair: KeyPair;
      /** Milliseconds between empty writes on a stream that writes nothing else. */
      readonly connectionKeepAlive: number;
    }

    interface ServerOptions {
      /** True refuses. */
      readonly firewall: (remotePublicKey: Buffer) => boolean;
      readonly shareLocalAddress: boolean;
      readonly holepunch: boolean;
    }

    /** A datagram that asks for something. */
    interface Request {
      readonly internal: boolean;
      readonly command: number;
      readonly target: Buffer | null;
      readonly value: Buffer | null;
    }

    interface QueryRequest {
      readonly target: Buffer;
      readonly command: number;
      readonly value: Buffer | null;
    }
  }

  class DHT extends EventEmitter {
    constructor(options: DHT.Options);
    static keyPair(seed?: Buffer): DHT.KeyPair;
    static hash(data: Buffer): Buffer;
    readonly bootstrapNodes: readonly unknown[];
    readonly ephemeral: boolean;
    readonly io: { readonly networkInterfaces: { destroy(): void } };
    address(): DHT.SocketAddress | null;
    /** The routing table. */
    toArray(): readonly DHT.SocketAddress[];
    /** Rejects if the socket cannot be bound. */
    fullyBootstrapped(): Promise<void>;
    destroy(options?: { readonly force: boolean }): Promise<void>;
    createServer(options: DHT.ServerOptions): { listen(keyPair: DHT.KeyPair): Promise<unknown> };
    query(request: DHT.QueryRequest, options?: object): unknown;
    /** False if the command is unknown: an error goes back. */
    protected onrequest(request: DHT.Request): boolean;
    protected _onrequest(request: DHT.Request, external: boolean): void;
    protected _addNodeFromNetwork(sample: boolean, from: DHT.SocketAddress, to: DHT.SocketAddress): void;
  }

  export = DHT;
}

declare module '@hyperswarm/rpc' {
  import type { EventEmitter } from 'node:events';
  import type DHT from 'hyperdht';

  namespace RPC {
    interface EncodingState {
      start: number;
      end: number;
      buffer: Buffer;
    }

    interface Encoding<Value> {
      preencode(state: EncodingState, value: Value): void;
      encode(state: EncodingState, value: Value): void;
      decode(state: EncodingState): Value;
    }

    interface SecretStream {
      readonly remotePublicKey: Buffer;
      /** Bytes handed on to the socket; what was written and is not among them still waits in memory. */
      readonly rawBytesWritten: number;
      /** Below encryption; counts every datagram of the stream, acknowledgements and parts of messages among them. */
      readonly rawStream: { readonly packetsReceived: number };
      /** Once the other end has acknowledged all that was written; may stay unsettled if the stream is destroyed. */
      flush(): Promise<boolean>;
    }

    /** One end of an encrypted stream that carries requests. Emits `open` once the other end has proven its key, and `close`. */
    interface Channel<Value> extends EventEmitter {
      readonly stream: SecretStream;
      readonly mux: { readonly drained: boolean };
      readonly closed: boolean;
      request(method: string, value: Value, options?: { readonly timeout: number }): Promise<Value>;
      event(method: string, value: Value): void;
      /** At the end that dialled: what the other end may say. */
      respond(method: string, handler: (value: Value) => Value): this;
      destroy(error?: Error): void;
    }

    /** Emits `open` and `close`. */
    interface Client<Value> extends EventEmitter {
      readonly rpc: Channel<Value>;
      destroy(error?: Error): void;
    }

    /** Emits `connection`, with a Channel, before the other end has proven its key. */
    interface Server<Value> extends EventEmitter {
      respond(method: string, handler: (value: Value, channel: Channel<Value>) => Promise<Value> | Value): this;
      listen(): Promise<void>;
      close(): Promise<void>;
    }
  }

  class RPC<Value> {
    constructor(options: {
      readonly dht: DHT;
      readonly keyPair: DHT.KeyPair;
      readonly valueEncoding: RPC.Encoding<Value>;
    });
    createServer(options: DHT.ServerOptions): RPC.Server<Value>;
    connect(
      publicKey: Buffer,
      options: { relayAddresses: DHT.SocketAddress[]; localConnection: boolean },
    ): RPC.Client<Value>;
  }

  export = RPC;
}
