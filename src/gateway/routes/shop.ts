/** The shop: its page, its books, orders and employees. */
import type { Router } from '@koa/router';
import type { RequestState } from '../answer.ts';
import type { ShopRoutesOptions } from '../shop/shop.ts';
import { addBookUpdateRoute } from './book-update.ts';
import { addBookRoutes } from './books.ts';
import { addEmployeeRoutes } from './employees.ts';
import { addOrderRoutes } from './orders.ts';
import { addPageRoutes } from './page.ts';

export function addShopRoutes(router: Router<RequestState>, options: ShopRoutesOptions): void {
  addPageRoutes(router);
  addBookRoutes(router, options);
  addBookUpdateRoute(router, options);
  addOrderRoutes(router, options);
  addEmployeeRoutes(router, options);
}
