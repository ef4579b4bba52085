/** The bookstore: books, orders, and the short forms of both. */
import { z } from 'zod';
import { expected } from './check.ts';
import { cursor, documentId, members, revision } from './common.ts';

const bookExpected = 'the id of a book, such as "1"';
const quantityExpected = 'a whole number from 1 to 1000';
const amountExpected = 'a whole number, 0 or more';

/** An id is a text; a number is taken too. */
const bookReference = z
  .union([documentId, z.int().min(0)], expected(bookExpected))
  .transform(String)
  .meta({ description: 'The id of a book; a number is taken too.', example: '1' });

const quantity = z
  .int(expected(quantityExpected))
  .min(1, expected(quantityExpected))
  .max(1000, expected(quantityExpected))
  .meta({ description: 'How many copies, 1 to 1000.', example: 1 });

const amount = z.int(expected(amountExpected)).min(0, expected(amountExpected));
const price = amount.meta({ description: 'In cents.', example: 4500 });
/** Of a book that was put past the shop's own routes, whatever number stands there. */
const paid = z.number().meta({ description: 'Of one copy, in cents, when it was bought.', example: 4500 });
const stock = z.number().min(0).meta({ description: 'Copies that are left.', example: 14 });
const title = z.string().meta({ example: 'How to finish Project 3 on time' });
const topic = z.string().meta({ example: 'education' });
const bookId = documentId.meta({ description: 'The id of a book.', example: '9' });
const orderId = documentId.meta({
  description: 'The id of an order.',
  example: '5b1f0c1e-8f4e-4a52-9d6e-0c3f6a7b8c9d',
});

/** Of what is shown: whoever writes documents past the shop may leave anything out of them. */
const shown = {
  title: title.nullable(),
  topic: topic.nullable(),
  price: z.number().nullable().meta({ description: 'In cents; null if it has none.', example: 4500 }),
  stock: z.number().nullable().meta({ description: 'Copies that are left; null if nobody has said.', example: 14 }),
};

export const book = members({ id: bookId, ...shown }).meta({ id: 'Book' });

export const booksAnswer = members({ revision, items: z.array(book), cursor }).meta({ id: 'Books' });

export const orderBody = members({ book: bookReference, quantity: quantity.default(1) }).meta({
  id: 'OrderRequest',
  example: { book: '9', quantity: 1 },
});

export const orderAnswer = members({
  id: orderId,
  book: bookId,
  quantity,
  price: paid,
  stock,
  revision,
}).meta({ id: 'OrderPlaced' });

export const order = members({
  id: orderId,
  book: bookId.nullable(),
  quantity: z.number().nullable().meta({ description: 'How many copies.', example: 1 }),
  price: z.number().nullable().meta({ description: 'Of one copy, in cents, when it was bought.', example: 4500 }),
}).meta({ id: 'Order' });

export const ordersAnswer = members({ revision, items: z.array(order), cursor }).meta({ id: 'Orders' });

/** Ids as numbers where they are whole numbers. */
const shortId = z.union([z.int(), z.string()]).meta({ description: 'A number where it is one.', example: 9 });

export const shortBooks = z
  .array(members({ id: shortId, title: shown.title, topic: shown.topic }))
  .meta({ id: 'ShortBooks' });

export const shortBook = members({
  id: shortId,
  title: shown.title,
  topic: shown.topic,
  price: shown.price,
  quantity: shown.stock,
}).meta({ id: 'ShortBook' });

export const shortPurchaseAnswer = members({
  ...{ id: orderId, book: shortId, title: title.nullable(), quantity },
  ...{ price: paid, stock, revision },
}).meta({ id: 'ShortPurchased' });

export const bookUpdateBody = members({
  price: z.exactOptional(price),
  quantity: z.exactOptional(amount.meta({ description: 'Copies that there are from now on.', example: 15 })),
})
  .refine(
    (body) => body.price !== undefined || body.quantity !== undefined,
    'nothing to change: expected price (in cents), quantity, or both',
  )
  .meta({ id: 'BookUpdate', example: { price: 4000, quantity: 15 }, override: { minProperties: 1 } });

export const shortCatalog = z.array(shortBook).meta({ id: 'ShortCatalog' });

export const shortPurchaseBody = members({ quantity: z.exactOptional(quantity) }).meta({ id: 'ShortPurchase' });

export const orderServicePurchaseBody = members({ book_id: bookReference, quantity: z.exactOptional(quantity) }).meta({
  id: 'OrderServicePurchase',
  example: { book_id: '9' },
});

const uuidExpected = 'a text of 1 to 255 characters of printable ASCII, another one for each purchase';

export const apiPurchaseBody = members({
  uuid: z
    .string(expected(uuidExpected))
    .regex(/^[\x20-\x7e]{1,255}$/, expected(uuidExpected))
    .meta({ description: 'The idempotency key.', example: '0f7f4b3a-4a57-4f3a-9c26-3f5b8a4e7d11' }),
  quantity,
}).meta({ id: 'ApiPurchase' });

export const cacheInvalidateBody = members({ bookId: bookReference }).meta({
  id: 'CacheInvalidation',
  example: { bookId: '9' },
});

/** As it is sent, and with what was left out. */
export type OrderInput = z.input<typeof orderBody>;
export type OrderBody = z.output<typeof orderBody>;
export type BookUpdateBody = z.output<typeof bookUpdateBody>;
export type Book = z.output<typeof book>;
export type BooksAnswer = z.output<typeof booksAnswer>;
export type OrderAnswer = z.output<typeof orderAnswer>;
export type Order = z.output<typeof order>;
export type OrdersAnswer = z.output<typeof ordersAnswer>;
export type ShortBooks = z.output<typeof shortBooks>;
export type ShortBook = z.output<typeof shortBook>;
