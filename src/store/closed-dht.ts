/**
 * A DHT node that is no part of any DHT: it connects to addresses it is given, and is connected to, and nothing else.
 *
 * An open node answers strangers, learns addresses from them, asks those for others, and forwards datagrams wherever
 * the sender says. This one takes a single kind of datagram from strangers: a handshake for its own key that names no
 * other address, so that whatever comes of it goes back to the sender. It overrides private methods of hyperdht and
 * dht-rpc: their versions are pinned, and a test sends what must stay without an answer.
 */
import DHT from 'hyperdht';

const handshakeCommand = 0;
/** A handshake's first byte: which other addresses it names. */
const namesNoAddress = 0;

export class ClosedDHT extends DHT {
  readonly #target: Buffer;

  constructor(options: DHT.Options) {
    super(options);
    this.#target = DHT.hash(options.keyPair.publicKey);
  }

  /** Lets go of a node whose socket could not be bound: such a one stops its timers, and then fails to close. */
  async abandon(): Promise<void> {
    await this.destroy({ force: true }).catch(() => {});
    this.io.networkInterfaces.destroy();
  }

  protected override onrequest(request: DHT.Request): boolean {
    const { target, value } = request;
    if (target?.equals(this.#target) && value?.[0] === namesNoAddress) return super.onrequest(request);
    // Not false: that would send an error back.
    return true;
  }

  protected override _onrequest(request: DHT.Request, external: boolean): void {
    if (!request.internal && request.command === handshakeCommand) super._onrequest(request, external);
  }

  /** Nobody is added to the routing table, so that nobody is ever pinged. */
  protected override _addNodeFromNetwork(): void {}

  /** Look-ups start from nobody, and so end at once: who dials knows the address. */
  override query(query: DHT.QueryRequest, options?: object): unknown {
    return super.query(query, { ...options, nodes: [] });
  }
}
