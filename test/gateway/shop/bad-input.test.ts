import test, { type ExecutionContext } from 'ava';
import { openShop, type Shop } from './shop.ts';

const key = { 'Idempotency-Key': 'k' };
const ada = { firstName: 'Ada', lastName: 'Lovelace', position: 'Analyst', salary: 4200 };

type Headers = Readonly<Record<string, string>>;

/** The status, the code, and what is at fault. */
const refusals: readonly (readonly [
  method: string,
  path: string,
  body: unknown,
  headers: Headers,
  refusal: readonly [status: number, code: string, path?: string],
])[] = [
  ['POST', '/v1/orders', { book: '9', quantity: 1 }, {}, [400, 'idempotency_key_required']],
  ['POST', '/v1/orders', { book: '9', quantity: 1 }, { 'Idempotency-Key': 'ä' }, [400, 'bad_header']],
  ['POST', '/v1/orders', '{"book":', key, [400, 'bad_json', '']],
  ['POST', '/v1/orders', '', key, [400, 'bad_json', '']],
  ['POST', '/v1/orders', [], key, [422, 'invalid_order', '']],
  ['POST', '/v1/orders', { book: '9', quantity: 0 }, key, [422, 'invalid_order', '/quantity']],
  ['POST', '/v1/orders', { book: '9', quantity: -1 }, key, [422, 'invalid_order', '/quantity']],
  ['POST', '/v1/orders', { book: '9', quantity: 1.5 }, key, [422, 'invalid_order', '/quantity']],
  ['POST', '/v1/orders', { book: '9', quantity: '1' }, key, [422, 'invalid_order', '/quantity']],
  ['POST', '/v1/orders', { book: '9', quantity: 1001 }, key, [422, 'invalid_order', '/quantity']],
  ['POST', '/v1/orders', { quantity: 1 }, key, [422, 'invalid_order', '/book']],
  ['POST', '/v1/orders', { book: '', quantity: 1 }, key, [422, 'invalid_order', '/book']],
  ['POST', '/v1/orders', { book: 'ä'.repeat(500) }, key, [422, 'invalid_order', '/book']],
  ['POST', '/cache/invalidate', { bookId: 'ä'.repeat(500) }, {}, [400, 'bad_body', '/bookId']],
  ['GET', `/v1/orders?book=${'%C3%A4'.repeat(500)}`, undefined, {}, [400, 'bad_parameter', 'book']],
  ['POST', '/v1/orders', { book: '9', colour: 'red' }, key, [400, 'bad_body', '/colour']],
  ['POST', '/v1/orders', { book: 'none', quantity: 1 }, key, [404, 'book_not_found', '/book']],
  ['POST', '/v1/orders?colour=red', { book: '9' }, key, [400, 'bad_parameter', 'colour']],
  ['POST', '/v1/orders?timeout=1y', { book: '9' }, key, [400, 'bad_parameter', 'timeout']],
  ['POST', '/purchase/none', undefined, {}, [404, 'book_not_found']],
  ['POST', '/purchase/%ff', undefined, {}, [400, 'bad_id']],
  ['POST', '/purchase/9', { quantity: 0 }, {}, [422, 'invalid_order', '/quantity']],
  ['POST', '/order-service/purchase', { book_id: 'none' }, {}, [404, 'book_not_found', '/book_id']],
  ['POST', '/order-service/purchase', {}, {}, [422, 'invalid_order', '/book_id']],
  ['POST', '/api/order/books/purchase/9', { quantity: 1 }, {}, [422, 'invalid_order', '/uuid']],
  ['POST', '/api/order/books/purchase/9', { uuid: 'a' }, {}, [422, 'invalid_order', '/quantity']],
  ['POST', '/api/order/books/purchase/9', { uuid: 'a', quantity: 1 }, key, [422, 'invalid_order', '/uuid']],
  ['PUT', '/update/9', { price: -1 }, {}, [422, 'invalid_book', '/price']],
  ['PUT', '/update/9', { price: 1.5 }, {}, [422, 'invalid_book', '/price']],
  ['PUT', '/update/9', { price: 1, quantity: -1 }, {}, [422, 'invalid_book', '/quantity']],
  ['PUT', '/update/9', {}, {}, [422, 'invalid_book', '']],
  ['PUT', '/update/9', { stock: 1 }, {}, [400, 'bad_body', '/stock']],
  ['PUT', '/update/none', { price: 1 }, {}, [404, 'book_not_found']],
  ['PUT', '/update/9', { price: 1 }, { 'If-Match': '"1"' }, [412, 'precondition_failed']],
  ['PUT', '/update/9', { price: 1 }, { 'If-None-Match': '*' }, [400, 'bad_header']],
  ['PUT', '/update/9', 'x'.repeat(20_000), {}, [413, 'too_large']],
  ['POST', '/cache/invalidate', 'x'.repeat(20_000), {}, [413, 'too_large']],
  ['GET', '/v1/books?colour=red', undefined, {}, [400, 'bad_parameter', 'colour']],
  ['GET', '/v1/books?topic=', undefined, {}, [400, 'bad_parameter', 'topic']],
  ['GET', '/v1/books?q=!', undefined, {}, [400, 'bad_parameter', 'q']],
  ['GET', '/v1/books?limit=0', undefined, {}, [400, 'bad_parameter', 'limit']],
  ['GET', '/v1/books?cursor=abc', undefined, {}, [400, 'bad_parameter', 'cursor']],
  ['GET', '/v1/books/none', undefined, {}, [404, 'book_not_found']],
  ['GET', '/search/%20', undefined, {}, [400, 'bad_parameter', 'topic']],
  ['GET', '/search/a?limit=1', undefined, {}, [400, 'bad_parameter', 'limit']],
  ['GET', '/v1/orders?book=', undefined, {}, [400, 'bad_parameter', 'book']],
  ['GET', '/v1/orders/none', undefined, {}, [404, 'order_not_found']],
  ['GET', '/employees?limit=1', undefined, {}, [400, 'bad_parameter', 'limit']],
  ['POST', '/employees', { ...ada, firstName: ' ' }, {}, [422, 'invalid_employee', '/firstName']],
  ['POST', '/employees', { ...ada, lastName: 'x'.repeat(101) }, {}, [422, 'invalid_employee', '/lastName']],
  ['POST', '/employees', { ...ada, salary: -1 }, {}, [422, 'invalid_employee', '/salary']],
  ['POST', '/employees', { ...ada, salary: '1' }, {}, [422, 'invalid_employee', '/salary']],
  ['POST', '/employees', { ...ada, position: null }, {}, [422, 'invalid_employee', '/position']],
  ['POST', '/employees', { ...ada, id: '1' }, {}, [400, 'bad_body', '/id']],
  ['PUT', '/employees/none', ada, {}, [404, 'employee_not_found']],
  ['PATCH', '/employees/none', {}, {}, [422, 'invalid_employee', '']],
  ['PATCH', '/employees/none', 'x', { 'Content-Type': 'text/plain' }, [415, 'unsupported_media_type']],
  ['GET', '/page.js?v=1', undefined, {}, [400, 'bad_parameter', 'v']],
];

async function stateOf(shop: Shop): Promise<unknown> {
  const paths = ['/v1/collections/books/items', '/v1/collections/orders/items', '/v1/collections/employees/items'];
  const all = await Promise.all(paths.map(async (path) => (await shop.get(path)).json as { items: unknown }));
  return all.map(({ items }) => items);
}

async function refused(t: ExecutionContext, shop: Shop, nth: number): Promise<void> {
  const [method, path, body, headers, [status, code, at]] = refusals[nth] as (typeof refusals)[number];
  const what = `${method} ${path} ${JSON.stringify(body)?.slice(0, 100)}`;
  const answer = await shop.send(method, path, body, headers);
  const problem = answer.json as { code: string; path?: string; outcome?: string; detail: string };
  t.deepEqual([answer.status, problem.code, problem.path], [status, code, at], `${what}: ${answer.text}`);
  t.is(problem.outcome, method === 'GET' ? undefined : 'not_applied', what);
  t.true(problem.detail.length > 20, what);
}

test.serial(
  'whatever is wrong with a request is refused, with the place of what is at fault, and nothing is done',
  async (t) => {
    const shop = await openShop(t);
    const before = await stateOf(shop);
    for (const nth of refusals.keys()) await refused(t, shop, nth);
    t.deepEqual(await stateOf(shop), before);
    // A refusal is not remembered: the key is good for what is right.
    t.is((await shop.send('POST', '/v1/orders', { book: '9' }, { 'Idempotency-Key': 'k2' })).status, 201);
  },
);

test.serial('a book without a price or a stock is not for sale, and says what it lacks', async (t) => {
  const shop = await openShop(t);
  for (const [id, document, word] of [
    ['a', { id: 'a', title: 'Free', stock: 1 }, 'price'],
    ['b', { id: 'b', title: 'Endless', price: 1 }, 'stock'],
  ] as const) {
    t.is((await shop.send('PUT', `/v1/collections/books/items/${id}`, document)).status, 201);
    const answer = await shop.send('POST', `/purchase/${id}`);
    t.like(answer.json, { status: 409, code: 'not_a_number', outcome: 'not_applied' });
    t.true((answer.json as { detail: string }).detail.includes(word));
    t.like((await shop.get(`/info/${id}`)).json, { id, title: document.title });
  }
});

/** A field that an administrator has indexed as what it is not, and what is refused then, with the field. */
const misfits: readonly (readonly [
  collection: string,
  field: string,
  requests: readonly (readonly [method: string, path: string, body?: unknown, headers?: Headers])[],
])[] = [
  [
    'orders',
    'price',
    [
      ['POST', '/purchase/9'],
      ['POST', '/v1/orders', { book: '9' }, key],
    ],
  ],
  ['employees', 'salary', [['POST', '/employees', ada]]],
  ['books', 'price', [['PUT', '/update/9', { price: 1 }]]],
];

test.serial(
  'what cannot be kept because a collection is defined otherwise names the field, and what to do',
  async (t) => {
    const shop = await openShop(t);
    for (const [collection, field, requests] of misfits) {
      const target = `/v1/collections/${collection}`;
      const defined = await shop.send('PUT', target, { idField: 'id', indexes: [{ field, kind: 'words' }] });
      t.is(defined.status, 200, defined.text);
      for (const [method, path, body, headers] of requests) {
        const answer = await shop.send(method, path, body, headers);
        t.like(answer.json, { status: 422, code: 'invalid_document', path: `/${field}`, outcome: 'not_applied' });
        const { detail } = answer.json as { detail: string };
        t.regex(detail, new RegExp(`^/${field}: this field is indexed as words.*PUT ${target}`), `${method} ${path}`);
      }
    }
  },
);
