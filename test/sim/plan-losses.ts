/**
 * How much may be taken away. What a minority has lost, the others still have; beyond that the cluster is to stop, and a
 * run could show nothing but that.
 */
import type { TargetReplica } from './plan-world.ts';

export class Losses {
  readonly #replicas: readonly TargetReplica[];
  /** Its directory, both slots of its witness, or its log and witness together are gone or old: it must never come back. */
  readonly #lost = new Set<string>();
  /** Something was damaged, and it has not been seen in order since. */
  readonly #damaged = new Set<string>();

  constructor(replicas: readonly TargetReplica[]) {
    this.#replicas = replicas;
  }

  /** Why log or witness of this replica must not be harmed now; null: they may be. */
  objection(id: string): string | null {
    this.#look();
    const impaired = this.#replicas.filter((replica) => this.#isImpaired(replica));
    const itself = impaired.find((replica) => replica.id === id);
    if (itself !== undefined) return `${id} is ${this.#state(itself)} already`;
    if (impaired.length + 1 <= (this.#replicas.length - 1) / 2) return null;
    return impaired.map((replica) => `${replica.id} is ${this.#state(replica)}`).join(', ');
  }

  isLost(id: string): boolean {
    return this.#lost.has(id);
  }

  lose(id: string): void {
    this.#lost.add(id);
  }

  damage(id: string): void {
    this.#damaged.add(id);
  }

  /** Those that have all they ever promised. */
  sound(): readonly string[] {
    this.#look();
    return this.#replicas.filter((replica) => !this.#isImpaired(replica)).map(({ id }) => id);
  }

  #look(): void {
    for (const { id, role, isRecovering } of this.#replicas) {
      if (role !== null && !isRecovering) this.#damaged.delete(id);
    }
  }

  #isImpaired({ id, isRecovering, refused }: TargetReplica): boolean {
    return this.#lost.has(id) || this.#damaged.has(id) || isRecovering || refused !== null;
  }

  #state({ id, refused }: TargetReplica): string {
    return this.#lost.has(id) || refused !== null ? 'lost' : 'damaged';
  }
}
