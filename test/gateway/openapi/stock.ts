/** Puts into an empty store what the examples of the document name. */
import { seedShop } from '../../../src/gateway/shop/seed.ts';
import type { RequestOptions, Response } from '../harness.ts';

export type Ask = (method: string, path: string, options?: RequestOptions) => Promise<Response>;

/** Throws Error with the answer to what could not be put. */
export async function stock(ask: Ask): Promise<void> {
  await seedShop(async ({ method, target, headers, body }) => {
    const { status, text } = await ask(method, target, { headers, ...(body === null ? {} : { body }) });
    return { status, body: text };
  });
  const put = async (path: string, value: object) => {
    const headers = { 'Content-Type': 'application/json' };
    const { status, text } = await ask('PUT', path, { headers, body: JSON.stringify(value) });
    if (status !== 201) throw new Error(`PUT ${path}: ${text}`);
  };
  const person = { firstName: 'Ada', lastName: 'Lovelace', position: 'Analyst', salary: 4200 };
  await put('/v1/kv/books%2F1', { n: 1 });
  await put('/v1/kv/n', { n: 1, title: 'a' });
  await put('/v1/collections/orders/items/1', { id: '1', book: '9', quantity: 1, price: 4500 });
  await put('/v1/collections/employees/items/1', { id: '1', ...person });
}
