/** A leader that tells those who follow what is touched, in one stream, and grants leases if it is to. */
import { type Index, index, term } from '../../src/raft/types.ts';
import type { FollowedStream, Follower } from '../../src/store/client.ts';
import type { Touches } from '../../src/store/touch.ts';

export class FakeLeader {
  /** Null: none is granted. */
  readonly #leaseMs: number | null;
  readonly #followers: Follower[] = [];
  #told = index(0);

  constructor(leaseMs: number | null) {
    this.#leaseMs = leaseMs;
  }

  follow(follower?: Follower): FollowedStream {
    if (follower !== undefined) this.#followers.push(follower);
    follower?.begin('s');
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

  /** Of all entries since the last time, up to `to`. */
  tell(touches: Touches, to: Index): void {
    const from = this.#told;
    this.#told = to;
    const message = { lineage: 'a-cluster', streamId: 's', term: term(1), from, to, publishIndex: to };
    for (const follower of this.#followers) {
      follower.receive({ type: 'invalidations', ...message, touches: [{ index: to, touches }] });
    }
  }
}
