/** Who leads, as the replicas themselves say, ten times a second. */
import type { ReplicaStatus } from '../../src/store/protocol.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { pause } from '../cluster/wait.ts';
import type { Tally } from './tally.ts';

const intervalMs = 100;
/** What was heard longer ago says nothing of now. */
const freshMs = 500;

export interface Reign {
  readonly atMs: number;
  readonly term: number;
  readonly leader: string;
}

export class Watch {
  readonly #cluster: Cluster;
  readonly #tally: Tally;
  readonly #heard = new Map<string, { readonly status: ReplicaStatus | null; readonly at: number }>();
  readonly #leaders = new Map<number, string>();
  /** In the order in which they were seen. */
  readonly reigns: Reign[] = [];
  /** Terms with two leaders, in words. */
  readonly violations: string[] = [];
  #stopping = false;
  readonly #ended: Promise<unknown>;

  /** It starts at once. */
  constructor(cluster: Cluster, tally: Tally) {
    this.#cluster = cluster;
    this.#tally = tally;
    this.#ended = Promise.all(cluster.replicas.map((replica) => this.#poll(replica)));
  }

  /** The leader that every replica acknowledges at this moment, in the same term, with its log whole; or null. */
  agreedLeader(): string | null {
    const freshAt = this.#tally.now() - freshMs;
    const heard = this.#cluster.replicas.map((replica) => this.#heard.get(replica));
    const [first] = heard;
    const leader = first?.status?.leader ?? null;
    const agree = heard.every((each) => {
      if (each === undefined || each.status === null || each.at < freshAt) return false;
      const { status } = each;
      return status.leader === leader && status.term === first?.status?.term && status.state === 'normal';
    });
    return agree ? leader : null;
  }

  /** What each said last, for a person. */
  describe(): string {
    const now = this.#tally.now();
    const said = this.#cluster.replicas.map((replica) => {
      const { status, at } = this.#heard.get(replica) ?? { status: null, at: now };
      if (status === null) return `${replica} does not answer`;
      return `${replica}: ${status.role} in term ${status.term}, leader ${status.leader}, ${(now - at).toFixed(0)} ms ago`;
    });
    return said.join('; ');
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#ended;
  }

  async #poll(replica: string): Promise<void> {
    while (!this.#stopping) {
      const status = await this.#cluster.status(replica);
      this.#heard.set(replica, { status, at: this.#tally.now() });
      if (status?.role === 'leader') this.#leads(replica, status.term);
      await pause(intervalMs);
    }
  }

  #leads(leader: string, term: number): void {
    const known = this.#leaders.get(term);
    if (known === leader) return;
    if (known !== undefined) {
      this.violations.push(`term ${term} has two leaders, ${known} and ${leader}`);
      return;
    }
    this.#leaders.set(term, leader);
    this.reigns.push({ atMs: this.#tally.now(), term, leader });
  }
}
