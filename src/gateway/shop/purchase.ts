/**
 * A purchase: one transaction that finds the book in stock, takes copies of it and makes the order, or does nothing. What it
 * answers with comes from the request and the transaction's result alone, so that a request which comes again is answered as
 * it was (DESIGN-shop.md).
 */
import { hash } from 'node:crypto';
import {
  type Compare,
  type Idempotency,
  isObject,
  type JsonObject,
  type OperationResult,
  parseJson,
  type Target,
} from '../../store/client.ts';
import type { Committed } from '../catalog/committer.ts';
import type { Draft } from '../catalog/draft.ts';
import { numberIn, textIn } from './forms.ts';

export interface Wanted {
  /** The id of the book. */
  readonly book: string;
  /** 1 to 1000. */
  readonly quantity: number;
}

export type Purchased =
  | {
      readonly type: 'bought';
      /** Of the order. */
      readonly id: string;
      readonly title: string | null;
      /** Of one copy, in cents. */
      readonly price: number;
      /** Copies that are left. */
      readonly stock: number;
    }
  | { readonly type: 'noBook' }
  /** Its document has no price or no stock that is a number. */
  | { readonly type: 'notForSale'; readonly field: 'price' | 'stock' }
  | { readonly type: 'soldOut'; readonly stock: number }
  /** The price is another than the one that the order was to hold. */
  | { readonly type: 'priceChanged'; readonly price: number }
  /** There is an order under this id: the same request came more than a day ago, and the record of its answer is gone. */
  | { readonly type: 'orderedBefore'; readonly id: string };

/** No book has it: of a transaction with this price the result is the present one. */
export const unknownPrice = -1;

export interface PurchaseDraft extends Wanted {
  readonly order: string;
  /** What the order is to hold, in cents: the book must have it when the order is made. */
  readonly price: number;
}

export function purchaseDraft({ book, quantity, order, price }: PurchaseDraft): Draft {
  const ofBook: Target = { type: 'document', collection: 'books', id: book };
  const ofOrder: Target = { type: 'document', collection: 'orders', id: order };
  const compares: readonly Compare[] = [
    { of: 'exists', target: ofBook, is: true },
    { of: 'exists', target: ofOrder, is: false },
    { of: 'field', target: ofBook, field: 'price', is: '=', scalar: price },
    { of: 'field', target: ofBook, field: 'stock', is: '>=', scalar: quantity },
  ];
  const document = { id: order, book, quantity, price };
  return {
    compares,
    then: [
      { type: 'get', target: ofBook },
      { type: 'add', target: ofBook, field: 'stock', amount: -quantity, min: 0, max: null },
      { type: 'putDocument', collection: 'orders', id: order, document, ttlMs: null },
    ],
    otherwise: [
      { type: 'get', target: ofBook },
      { type: 'get', target: ofOrder },
    ],
  };
}

/** What the result of such a draft comes to. `order` and `quantity` are those of the request. */
export function purchased(
  { succeeded, results }: Extract<Committed, { readonly type: 'done' }>['result'],
  { order, quantity }: { readonly order: string; readonly quantity: number },
): Purchased {
  const [first, second] = results;
  const book = documentIn(first);
  if (book === null) return { type: 'noBook' };
  const [price, stock] = [numberIn(book, 'price'), numberIn(book, 'stock')];
  if (!succeeded && documentIn(second) !== null) return { type: 'orderedBefore', id: order };
  if (price === null) return { type: 'notForSale', field: 'price' };
  if (stock === null) return { type: 'notForSale', field: 'stock' };
  if (!succeeded) return stock < quantity ? { type: 'soldOut', stock } : { type: 'priceChanged', price };
  if (second?.type !== 'written' || second.sum === undefined)
    throw new Error('a purchase was answered without its sum');
  return { type: 'bought', id: order, title: textIn(book, 'title'), price, stock: second.sum };
}

function documentIn(result: OperationResult | undefined): JsonObject | null {
  if (result?.type !== 'document') throw new Error('a purchase was answered with something else');
  if (result.document === null) return null;
  const parsed = parseJson(result.document.json ?? new Uint8Array());
  return parsed.type === 'json' && isObject(parsed.value) ? parsed.value : {};
}

/**
 * The nth proposal of one request, from 0: each but the last has found another price, and is remembered as having done nothing.
 * Whoever asks again walks the same way to the same end.
 */
export function attemptOf(idempotency: Idempotency | null, nth: number): Idempotency | null {
  if (idempotency === null || nth === 0) return idempotency;
  return { ...idempotency, key: `${hash('sha256', idempotency.key)}.${nth}` };
}
