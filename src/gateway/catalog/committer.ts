/**
 * Carries a draft to the store: proposes what it comes to, and does so again where an answer said that something else stands
 * there by now (DESIGN.md, "Writes of documents").
 */
import type { Collection, Idempotency, Transaction, TransactionFailure, WriteOutcome } from '../../store/client.ts';
import type { StoreWriter } from '../store.ts';
import { type Committed, failed } from './committed.ts';
import type { Draft } from './draft.ts';
import { malformationOf } from './malformed.ts';
import { Preparation, type PreparationOptions } from './preparation.ts';

export type { Committed } from './committed.ts';

export interface CommitOptions {
  readonly timeoutMs: number;
  readonly idempotency: Idempotency | null;
}

export interface CommitterOptions extends PreparationOptions {
  readonly writer: StoreWriter;
}

/** What the attempts of one commit have been told. */
interface Attempts {
  definitionChanges: number;
  revisionChanges: number;
  /** What was there is read, and stated. */
  isKnowing: boolean;
}

/** Of each kind. Whoever meets more of them writes without knowing what was there, or is told that it cannot be done now. */
const retriesMax = 2;

export class Committer {
  readonly #options: CommitterOptions;
  readonly #preparation: Preparation;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#preparation = new Preparation(options);
  }

  /** Within `timeoutMs`, and once. Never rejects. */
  async commit(draft: Draft, { timeoutMs, idempotency }: CommitOptions): Promise<Committed> {
    const malformed = malformationOf(draft);
    if (malformed !== null) return malformed;
    const deadlineAt = this.#options.clock.now() + timeoutMs;
    const attempts: Attempts = { definitionChanges: 0, revisionChanges: 0, isKnowing: true };
    for (;;) {
      const { isKnowing, revisionChanges } = attempts;
      const wanted = { deadlineAt, isKnowing, isFirst: revisionChanges === 0, isRepeatable: idempotency !== null };
      const prepared = await this.#preparation.prepare(draft, wanted);
      if (prepared.type !== 'ready') {
        const refusedByState = prepared.type === 'invalidDocument' && idempotency !== null;
        return (refusedByState ? await this.#recorded(idempotency, deadlineAt) : null) ?? prepared;
      }
      const { transaction, definitions } = prepared;
      const outcome = await this.#propose(transaction, idempotency, deadlineAt);
      if (outcome.type !== 'done') return outcome;
      const { result, replica } = outcome;
      if (result.type === 'transaction') return { type: 'done', result, replica };
      if (!this.#goesOn(result, attempts, definitions)) return failed(draft, result, replica, definitions);
    }
  }

  /** Another attempt is made only where the one before was answered, and changed nothing: what this one says is true of all. */
  async #propose(
    transaction: Transaction,
    idempotency: Idempotency | null,
    deadlineAt: number,
  ): Promise<WriteOutcome<'transaction'>> {
    const leftMs = deadlineAt - this.#options.clock.now();
    if (leftMs <= 0) return { type: 'noLeader' };
    return this.#options.writer.write<'transaction'>({ type: 'transaction', idempotency, transaction }, leftMs);
  }

  /**
   * What is refused because of a definition as it is now may have been done when it came for the first time. Null: there is no
   * record of that.
   */
  async #recorded(idempotency: Idempotency, deadlineAt: number): Promise<Committed | null> {
    const outcome = await this.#propose(neverDone, idempotency, deadlineAt);
    if (outcome.type !== 'done') return outcome;
    const { result, replica } = outcome;
    if (result.type === 'transaction') return { type: 'done', result, replica };
    return result.reason === 'idempotencyMismatch' ? failed(nothing, result, replica, []) : null;
  }

  #goesOn(failure: TransactionFailure, attempts: Attempts, definitions: readonly Collection[]): boolean {
    switch (failure.reason) {
      case 'noCollection':
        this.#forget(definitions);
        return false;
      case 'definitionChanged':
        this.#forget(definitions);
        attempts.definitionChanges += 1;
        return attempts.definitionChanges <= retriesMax;
      case 'revisionChanged':
        attempts.revisionChanges += 1;
        return this.#knowsLess(attempts, attempts.revisionChanges > retriesMax);
      case 'termsDiffer':
        return this.#knowsLess(attempts, true);
      default:
        return false;
    }
  }

  /** Whether that can help: who states nothing is not answered that it is otherwise. */
  #knowsLess(attempts: Attempts, isEnough: boolean): boolean {
    if (!attempts.isKnowing) return false;
    attempts.isKnowing = !isEnough;
    return true;
  }

  #forget(definitions: readonly Collection[]): void {
    for (const { name, modRevision } of definitions) this.#options.definitions.forget(name, modRevision);
  }
}

/** A patch that is of no definition there has ever been. */
const neverDone: Transaction = {
  compares: [],
  then: [
    {
      type: 'patch',
      target: { type: 'document', collection: 'none', id: 'none' },
      json: Buffer.from('{}'),
      basis: { definition: 1 as Collection['modRevision'], terms: [] },
    },
  ],
  otherwise: [],
};
const nothing: Draft = { compares: [], then: [], otherwise: [] };
