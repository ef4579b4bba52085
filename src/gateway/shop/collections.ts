/** What the shop keeps, and how it is found: so it is defined where nobody has defined it otherwise. */
import type { Write } from '../../store/client.ts';

type Definition = NonNullable<Extract<Write, { readonly type: 'define' }>['definition']>;

export type ShopCollection = 'books' | 'orders' | 'employees';

export const shopCollections: Readonly<Record<ShopCollection, Definition>> = {
  books: {
    idField: 'id',
    indexes: [
      { field: 'topic', kind: 'term' },
      { field: 'title', kind: 'words' },
      { field: 'price', kind: 'number' },
      { field: 'stock', kind: 'number' },
    ],
  },
  orders: { idField: 'id', indexes: [{ field: 'book', kind: 'term' }] },
  employees: { idField: 'id', indexes: [{ field: 'lastName', kind: 'term' }] },
};

export function isShopCollection(name: string): name is ShopCollection {
  return Object.hasOwn(shopCollections, name);
}
