/**
 * Documents of the shop in the forms in which they are shown. Whoever writes to its collections by other routes may leave out
 * what a book has, or put something else there: then null is shown.
 */
import { fieldOf, type JsonObject } from '../../store/client.ts';
import { shortId } from './ids.ts';

export const bookFields = ['id', 'title', 'topic', 'price', 'stock'] as const;
export const orderFields = ['id', 'book', 'quantity', 'price'] as const;
export const employeeFields = ['id', 'firstName', 'lastName', 'position', 'salary'] as const;
/** What a purchase leaves as it is: a search that shows these alone outlives it. */
export const shortFields = ['id', 'title', 'topic'] as const;

export type Form = (id: string, document: JsonObject) => JsonObject;

export const bookForm: Form = (id, document) => ({
  id,
  title: textIn(document, 'title'),
  topic: textIn(document, 'topic'),
  price: numberIn(document, 'price'),
  stock: numberIn(document, 'stock'),
});

export const orderForm: Form = (id, document) => ({
  id,
  book: textIn(document, 'book'),
  quantity: numberIn(document, 'quantity'),
  price: numberIn(document, 'price'),
});

export const employeeForm: Form = (id, document) => ({
  id,
  firstName: textIn(document, 'firstName'),
  lastName: textIn(document, 'lastName'),
  position: textIn(document, 'position'),
  salary: numberIn(document, 'salary'),
});

/** In searches of the short forms. */
export const shortForm: Form = (id, document) => ({
  id: shortId(id),
  title: textIn(document, 'title'),
  topic: textIn(document, 'topic'),
});

/** In details of the short forms, which call the stock quantity. */
export const infoForm: Form = (id, document) => ({
  ...shortForm(id, document),
  price: numberIn(document, 'price'),
  quantity: numberIn(document, 'stock'),
});

export function textIn(document: JsonObject, field: string): string | null {
  const value = fieldOf(document, field);
  return typeof value === 'string' ? value : null;
}

export function numberIn(document: JsonObject, field: string): number | null {
  const value = fieldOf(document, field);
  return typeof value === 'number' ? value : null;
}
