import test from 'ava';
import { openShop, type TestGateway } from './shop.ts';

const ada = { firstName: 'Ada', lastName: 'Lovelace', position: 'Analyst', salary: 4200 };

test.serial('the first employee is taken on in an empty cluster, is shown, changed, and let go', async (t) => {
  const shop = await openShop(t, { isSeeded: false });
  const made = await shop.send('POST', '/employees', { ...ada, firstName: '  Ada ' });
  t.is(made.status, 201, made.text);
  const { id } = made.json as { id: string };
  t.deepEqual(made.json, { id, ...ada });
  const path = `/employees/${id}`;
  t.is(made.headers.location, path);
  const shown = await shop.get(path);
  t.deepEqual(shown.json, made.json);
  t.is(shown.headers.etag, made.headers.etag);
  t.deepEqual((await shop.get('/employees')).json, [made.json]);

  const put = await shop.send('PUT', path, { ...ada, position: 'Countess' });
  t.is(put.status, 200, put.text);
  t.deepEqual(put.json, { id, ...ada, position: 'Countess' });
  const patched = await shop.send('PATCH', path, { salary: 5000.5 });
  t.deepEqual(patched.json, { id, ...ada, position: 'Countess', salary: 5000.5 });
  t.deepEqual((await shop.get(path)).json, patched.json);
  t.is((await shop.get(path)).headers.etag, patched.headers.etag);

  const stale = await shop.send('PUT', path, ada, { 'If-Match': String(put.headers.etag) });
  t.like(stale.json, { status: 412, code: 'precondition_failed', outcome: 'not_applied' });
  const gone = await shop.send('DELETE', path, undefined, { 'If-Match': String(patched.headers.etag) });
  t.is(gone.status, 200, gone.text);
  t.deepEqual(gone.json, { id, revision: Number(gone.headers['bazar-revision']) });
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
    const answer = await shop.send(
      method,
      path,
      method === 'PUT' ? ada : method === 'PATCH' ? { salary: 1 } : undefined,
    );
    t.like(answer.json, { status: 404, code: 'employee_not_found' }, method);
  }
  t.deepEqual((await shop.get('/employees')).json, []);
});

test.serial('all employees are in one array, in one order, at every gateway, and are counted', async (t) => {
  const shop = await openShop(t, { gateways: 2 });
  const [one, two] = shop.gateways as [TestGateway, TestGateway];
  const names = Array.from({ length: 30 }, (_, nth) => `Employee ${nth}`);
  await Promise.all(
    names.map((firstName, nth) => shop.gateways[nth % 2]?.send('POST', '/employees', { ...ada, firstName })),
  );
  const all = (await one.get('/employees')).json as { id: string; firstName: string }[];
  t.deepEqual(all.map(({ firstName }) => firstName).sort(), [...names].sort());
  t.deepEqual(
    all.map(({ id }) => id),
    all.map(({ id }) => id).sort(),
  );
  for (const path of ['/employees', '/employees?replica=r1', '/employees?consistency=stale']) {
    for (const gateway of [one, two]) t.deepEqual((await gateway.get(path)).json, all, path);
  }
  const { data, total, timestamp } = (await two.get('/update/employees')).json as {
    data: unknown;
    total: number;
    timestamp: string;
  };
  t.deepEqual([data, total], [all, 30]);
  t.is(new Date(timestamp).toISOString(), timestamp);
  t.true(Math.abs(Date.parse(timestamp) - Date.now()) < 60_000);
});

test.serial('an employee who is taken on again with the same key is the same one', async (t) => {
  const shop = await openShop(t, { gateways: 2, isSeeded: false });
  const key = { 'Idempotency-Key': 'ada' };
  const made = await Promise.all(shop.gateways.map((gateway) => gateway.send('POST', '/employees', ada, key)));
  t.deepEqual(made[0]?.json, made[1]?.json);
  t.deepEqual(made.map(({ headers }) => headers['idempotency-replayed']).sort(), ['?1', undefined]);
  t.is(((await shop.get('/employees')).json as unknown[]).length, 1);
});

test.serial('more employees than one page holds are all there, and all counted', async (t) => {
  const shop = await openShop(t);
  const ids = Array.from({ length: 1005 }, (_, nth) => `e${String(nth).padStart(4, '0')}`);
  for (let from = 0; from < ids.length; from += 100) {
    const then = ids.slice(from, from + 100).map((id) => {
      return { op: 'put', collection: 'employees', id, document: { id, ...ada } };
    });
    t.is((await shop.send('POST', '/v1/txn', { compare: [], then, else: [] })).status, 200);
  }
  for (const _ of [1, 2]) {
    const { data, total } = (await shop.get('/update/employees')).json as { data: { id: string }[]; total: number };
    t.is(total, 1005);
    t.deepEqual(
      data.map(({ id }) => id),
      ids,
    );
  }
  t.is((await shop.get('/update/employees')).cache, 'hit');
  await shop.send('DELETE', '/employees/e1003');
  t.like((await shop.get('/update/employees')).json, { total: 1004 });
});
