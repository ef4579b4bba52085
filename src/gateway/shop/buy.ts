/** Carries a purchase out: learns the price, proposes, and proposes again at the price that was found instead. */
import type { Idempotency } from '../../store/client.ts';
import { noDirectives } from '../cache-control.ts';
import type { Committed } from '../catalog/committer.ts';
import { numberIn } from './forms.ts';
import { idOfNew } from './ids.ts';
import { objectIn } from './item-answer.ts';
import { attemptOf, type Purchased, purchaseDraft, purchased, unknownPrice, type Wanted } from './purchase.ts';
import { commitDefining, missingCollection, type Shop } from './shop.ts';

export type Bought =
  | {
      readonly type: 'answered';
      readonly purchased: Exclude<Purchased, { readonly type: 'priceChanged' }>;
      readonly committed: Extract<Committed, { readonly type: 'done' }>;
    }
  /** There is not even a collection of books. */
  | { readonly type: 'noBooks' }
  /** Its price was another one at each attempt. */
  | { readonly type: 'priceKeptChanging' }
  | { readonly type: 'uncommitted'; readonly committed: Exclude<Committed, { readonly type: 'done' }> };

/** Of one request. Each meets another price than the one that was there a moment before. */
const attemptsMax = 8;

/** Nothing is bought unless it says so, or nobody could say. Never rejects. */
export async function buy(
  shop: Shop,
  wanted: Wanted,
  { timeoutMs, idempotency }: { readonly timeoutMs: number; readonly idempotency: Idempotency | null },
): Promise<Bought> {
  const deadlineAt = shop.clock.now() + timeoutMs;
  const leftMs = () => Math.max(1, deadlineAt - shop.clock.now());
  const order = idOfNew(idempotency, shop.newUuid);
  // Half of what is left: without the price it can still be found whether there is anything to buy.
  let price = await priceOf(shop, wanted.book, timeoutMs / 2);
  for (let nth = 0; nth < attemptsMax; nth += 1) {
    const draft = purchaseDraft({ ...wanted, order, price });
    const options = { timeoutMs: leftMs(), idempotency: attemptOf(idempotency, nth) };
    const committed = await commitDefining(shop, draft, options, ['orders']);
    if (missingCollection(committed, draft) === 'books') return { type: 'noBooks' };
    if (committed.type !== 'done') return { type: 'uncommitted', committed };
    const came = purchased(committed.result, { order, quantity: wanted.quantity });
    if (came.type !== 'priceChanged') return { type: 'answered', purchased: came, committed };
    price = came.price;
  }
  return { type: 'priceKeptChanging' };
}

/** What it costs now, or as a copy has it that is proven to be current; it is a guess, which the transaction holds against the book. */
async function priceOf({ reader }: Shop, book: string, timeoutMs: number): Promise<number> {
  const query = { type: 'document', collection: 'books', id: book, withJson: true } as const;
  const { outcome } = await reader.read(query, { timeoutMs, directives: noDirectives });
  if (outcome.type !== 'done') return unknownPrice;
  return numberIn(objectIn(outcome.result.document?.json), 'price') ?? unknownPrice;
}
