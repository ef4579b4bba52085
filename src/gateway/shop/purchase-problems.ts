/** What purchases are refused with. */
import { HttpProblem, problemAt, quote } from '../errors.ts';
import type { Bought } from './buy.ts';
import type { Purchased, Wanted } from './purchase.ts';
import { bookNotFound } from './request.ts';
import { uncommittedProblem } from './uncommitted-problem.ts';

export interface Ordered extends Wanted {
  /** Where in the body the book stands, as a JSON pointer; null: in the path. */
  readonly bookPath: string | null;
}

export function orderNotFound(id: string): HttpProblem {
  return new HttpProblem('order_not_found', `there is no order ${quote(id)}; GET /v1/orders lists those there are`);
}

/** The store has answered, and nothing was bought. */
export function purchaseProblem(
  purchased: Exclude<Purchased, { readonly type: 'bought' | 'priceChanged' }>,
  ordered: Ordered,
): HttpProblem {
  const { book, quantity } = ordered;
  switch (purchased.type) {
    case 'noBook':
      return noBook(ordered);
    case 'soldOut': {
      const { stock } = purchased;
      const left = stock > 0 ? `only ${stock} of it are left` : 'none of it is left';
      const detail = `the book ${quote(book)} is sold out: ${quantity} were asked for, and ${left}; nothing was bought`;
      return new HttpProblem('sold_out', detail);
    }
    case 'notForSale': {
      const detail = `the book ${quote(book)} has no number as its ${purchased.field}: PUT /update/${encodeURIComponent(book)} gives it one`;
      return new HttpProblem('not_a_number', detail);
    }
    case 'orderedBefore': {
      const detail =
        'an order was made with this Idempotency-Key so long ago that its answer is forgotten; read it where Location says, or buy again with a new key';
      return new HttpProblem('order_exists', detail, 'not_applied', ['Location', `/v1/orders/${purchased.id}`]);
    }
  }
}

/** The store has not come to an answer. */
export function unansweredProblem(
  bought: Exclude<Bought, { readonly type: 'answered' }>,
  ordered: Ordered,
  timeoutMs: number,
): HttpProblem {
  switch (bought.type) {
    case 'noBooks':
      return noBook(ordered);
    case 'priceKeptChanging': {
      const detail = 'the price of the book was changed at each of several attempts; nothing was bought, try again';
      return new HttpProblem('conflict', `${detail}, with another Idempotency-Key if you sent one`);
    }
    case 'uncommitted':
      return uncommittedProblem(bought.committed, 'orders', timeoutMs, () => bookNotFound(ordered.book));
  }
}

function noBook({ book, bookPath }: Ordered): HttpProblem {
  const { message } = bookNotFound(book);
  return bookPath === null ? bookNotFound(book) : problemAt(bookPath, 'book_not_found', message);
}
