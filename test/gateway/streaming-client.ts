/** A store whose leader tells its follower of each write before the write is answered, and grants leases if it is to. */
import { index, term } from '../../src/raft/types.ts';
import type { FollowedStream, Follower, WriteOutcome } from '../../src/store/client.ts';
import { noPrecondition } from '../../src/store/command.ts';
import { type Touches, touchesOf } from '../../src/store/touch.ts';
import { FakeClient, type KeyWrite } from './fake-client.ts';

export class StreamingClient extends FakeClient {
  /** Null: none is granted. */
  readonly #leaseMs: number | null;
  #follower: Follower | null = null;
  #to = 0;

  constructor(leaseMs: number | null = null) {
    super();
    this.#leaseMs = leaseMs;
  }

  protected override async writeKey(write: KeyWrite, timeoutMs: number): Promise<WriteOutcome> {
    const outcome = await super.writeKey(write, timeoutMs);
    const { key } = write;
    const stamp = { session: index(1), sequence: 1, lowestUnanswered: 1 };
    await this.#tell(touchesOf({ type: 'delete', stamp, key, precondition: noPrecondition }));
    return outcome;
  }

  override follow(follower?: Follower): FollowedStream {
    this.#follower = follower ?? null;
    follower?.begin('s');
    void this.#tell([]);
    return {
      live: true,
      behind() {},
      renew: (request) => {
        const leaseMs = this.#leaseMs;
        if (leaseMs === null) return;
        follower?.granted({ type: 'granted', streamId: 's', request, term: term(1), index: index(0), leaseMs });
      },
      confirm() {},
      release() {},
    };
  }

  async #tell(touches: Touches): Promise<void> {
    const from = index(this.#to);
    const to = await this.readIndex();
    this.#to = to;
    const message = { lineage: 'a-cluster', streamId: 's', term: term(1), from, to, publishIndex: to };
    this.#follower?.receive({ type: 'invalidations', ...message, touches: [{ index: to, touches }] });
  }
}
