/** What the shop is made of: reads and writes of documents, and whatever must be chosen. */
import type { Clock } from '../../system-clock.ts';
import type { CommitOptions, Committed, Committer } from '../catalog/committer.ts';
import type { Definitions } from '../catalog/definitions.ts';
import type { Draft, DraftOperation } from '../catalog/draft.ts';
import type { InProgress } from '../idempotency.ts';
import type { InFlight } from '../in-flight.ts';
import type { StoreReader, StoreWriter } from '../store.ts';
import { isShopCollection, type ShopCollection, shopCollections } from './collections.ts';

export interface Shop {
  readonly reader: StoreReader;
  readonly writer: StoreWriter;
  readonly definitions: Definitions;
  readonly committer: Committer;
  readonly inProgress: InProgress;
  readonly clock: Clock;
  /** For ids that no request names. */
  readonly newUuid: () => string;
}

export interface ShopRoutesOptions {
  readonly shop: Shop;
  readonly inFlight: InFlight;
}

/** As the committer does; `defines` are the collections that are defined first where the draft needs them and they are not there. */
export async function commitDefining(
  { committer, writer, clock }: Shop,
  draft: Draft,
  { timeoutMs, idempotency }: CommitOptions,
  defines: readonly ShopCollection[],
): Promise<Committed> {
  const deadlineAt = clock.now() + timeoutMs;
  const leftMs = () => Math.max(1, deadlineAt - clock.now());
  for (let left = defines.length; ; left -= 1) {
    const committed = await committer.commit(draft, { timeoutMs: leftMs(), idempotency });
    const name = missingCollection(committed, draft);
    if (name === null || left === 0 || !isShopCollection(name) || !defines.includes(name)) return committed;
    const definition = shopCollections[name];
    // Whoever defines it meanwhile, and as what, is right.
    const outcome = await writer.write<'define'>({ type: 'define', name, definition, replaces: 0 }, leftMs());
    // Nothing of the draft is done, whatever became of the definition.
    if (outcome.type === 'unknown') return { type: 'noLeader' };
    if (outcome.type !== 'done') return outcome;
    if (outcome.result.type === 'tooManyCollections') return committed;
  }
}

/** Null unless it is for want of a collection that nothing was done. */
export function missingCollection(committed: Committed, draft: Draft): string | null {
  if (committed.type !== 'failed' || committed.failure.reason !== 'noCollection') return null;
  const { branch, operation } = committed.failure;
  return collectionOf(draft[branch][operation]);
}

function collectionOf(operation: DraftOperation | undefined): string | null {
  if (operation?.type === 'putDocument') return operation.collection;
  if (operation === undefined || !('target' in operation) || operation.target.type === 'key') return null;
  return operation.target.collection;
}
