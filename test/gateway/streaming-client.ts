/** A store whose leader tells its follower of each write before the write is answered, and grants leases if it is to. */
import { index } from '../../src/raft/types.ts';
import type { FollowedStream, Follower, WriteOutcome } from '../../src/store/client.ts';
import { noPrecondition } from '../../src/store/command.ts';
import { type Touches, touchesOf } from '../../src/store/touch.ts';
import { FakeClient, type KeyWrite } from './fake-client.ts';
import { FakeLeader } from './fake-leader.ts';

export class StreamingClient extends FakeClient {
  readonly #leader: FakeLeader;

  constructor(leaseMs: number | null = null) {
    super();
    this.#leader = new FakeLeader(leaseMs);
  }

  protected override async writeKey(write: KeyWrite, timeoutMs: number): Promise<WriteOutcome> {
    const outcome = await super.writeKey(write, timeoutMs);
    const { key } = write;
    const stamp = { session: index(1), sequence: 1, lowestUnanswered: 1 };
    await this.#tell(touchesOf({ type: 'delete', stamp, key, precondition: noPrecondition }));
    return outcome;
  }

  override follow(follower?: Follower): FollowedStream {
    const stream = this.#leader.follow(follower);
    void this.#tell([]);
    return stream;
  }

  async #tell(touches: Touches): Promise<void> {
    this.#leader.tell(touches, await this.readIndex());
  }
}
