import test from 'ava';
import { BazarError, createBazarClient } from '../../src/client.ts';
import { json, problem, type Script, scripted } from './script.ts';

const urls = ['http://a.example', 'http://b.example/base/'];
const client = ({ fetch }: Script, rest: { attemptsMax?: number; timeoutMs?: number } = {}) =>
  createBazarClient({ urls, fetch, ...rest });
const written = () => json(200, { key: 'k', revision: 7, version: 2 });
const unavailable = () => problem(503, 'no_leader', { outcome: 'not_applied' });
const unknown = () => problem(504, 'write_timeout', { outcome: 'unknown' });

test('a read is asked again, at the next gateway where one cannot answer', async (t) => {
  const script = scripted(
    'unreachable',
    problem(503, 'no_leader'),
    problem(504, 'read_timeout'),
    new Response('world'),
  );
  const value = await client(script).kv.get('a/b');
  t.is(value?.text(), 'world');
  t.deepEqual(
    script.asked.map(({ url }) => url.origin + url.pathname),
    [
      'http://a.example/v1/kv/a%2Fb',
      'http://b.example/base/v1/kv/a%2Fb',
      'http://a.example/v1/kv/a%2Fb',
      'http://b.example/base/v1/kv/a%2Fb',
    ],
  );
});

test('what is refused for good is asked once', async (t) => {
  for (const refusal of [problem(400, 'bad_key'), problem(401, 'token_missing'), problem(500, 'internal')]) {
    const script = scripted(refusal);
    await t.throwsAsync(client(script).kv.get('k'), { instanceOf: BazarError });
    t.is(script.asked.length, 1);
  }
});

test('a write of which nobody knows what became is not made again', async (t) => {
  for (const step of ['unreachable', unknown()] as const) {
    const script = scripted(step, written());
    const error = await t.throwsAsync(client(script).kv.put('k', 'v'), { instanceOf: BazarError });
    t.is(error?.outcome, 'unknown');
    t.is(script.asked.length, 1);
  }
});

test('a write that was not done is made again, when the gateway says', async (t) => {
  const busy = problem(429, 'overloaded', { outcome: 'not_applied' }, { 'Retry-After': '0.3' });
  const script = scripted(busy, unavailable(), written());
  const startedAt = performance.now();
  t.is((await client(script).kv.put('k', 'v')).revision, 7);
  t.is(script.asked.length, 3);
  t.true(performance.now() - startedAt >= 300);
});

test('a write with a precondition is made again, and what then refuses it may be itself', async (t) => {
  const again = scripted('unreachable', written());
  t.is((await client(again).kv.put('k', 'v', { ifMatch: 6 })).revision, 7);
  t.deepEqual(
    again.asked.map(({ headers }) => headers.get('If-Match')),
    ['"6"', '"6"'],
  );

  const refused = scripted(unknown(), problem(412, 'precondition_failed', { outcome: 'not_applied' }));
  const error = await t.throwsAsync(client(refused).kv.put('k', 'v', { ifNoneMatch: '*' }), { instanceOf: BazarError });
  t.is(error?.code, 'precondition_failed');
  t.is(error?.outcome, 'unknown');

  const gone = scripted(unknown(), problem(404, 'key_not_found', { outcome: 'not_applied' }));
  await t.throwsAsync(client(gone).kv.delete('k', { ifMatch: 6 }), {
    message: /an earlier attempt may have been done/,
  });

  // Any revision fits: it may delete what somebody wrote after the first attempt.
  const anyRevision = scripted('unreachable', written());
  await t.throwsAsync(client(anyRevision).kv.delete('k', { ifMatch: '*' }));
  t.is(anyRevision.asked.length, 1);
});

test('a POST has an idempotency key of its own, the same in all its attempts', async (t) => {
  const inProgress = problem(409, 'idempotency_in_progress', { outcome: 'not_applied' });
  const done = json(200, { revision: 9, succeeded: true, results: [] }, { 'Idempotency-Replayed': '?1' });
  const script = scripted('unreachable', unknown(), inProgress, done);
  const bazar = client(script);
  t.like(await bazar.txn({ then: [{ op: 'delete', key: 'k' }] }), { revision: 9, replayed: true });
  const keys = script.asked.map(({ headers }) => headers.get('Idempotency-Key') ?? '');
  t.is(keys.length, 4);
  t.is(new Set(keys).size, 1);
  await bazar.txn({});
  t.not(script.asked.at(-1)?.headers.get('Idempotency-Key'), keys[0]);
  await bazar.txn({}, { idempotencyKey: 'mine' });
  t.is(script.asked.at(-1)?.headers.get('Idempotency-Key'), 'mine');
});

test('an order that is refused after an attempt of which nobody knows is refused for good', async (t) => {
  const script = scripted('unreachable', problem(409, 'sold_out', { outcome: 'not_applied' }));
  const error = await t.throwsAsync(client(script).orders.place({ book: '1' }), { instanceOf: BazarError });
  t.is(error?.code, 'sold_out');
  t.is(error?.outcome, 'not_applied');
});

test('an order of which one attempt may have been done stays unknown where the last one got no answer for good', async (t) => {
  for (const first of ['unreachable', unknown()] as const) {
    const inProgress = problem(409, 'idempotency_in_progress', { outcome: 'not_applied' });
    for (const last of [unavailable(), inProgress, 'refused'] as const) {
      const script = scripted(first, last);
      const order = client(script, { attemptsMax: 3 }).orders.place({ book: '1' });
      const error = await t.throwsAsync(order, { instanceOf: BazarError });
      t.is(error?.outcome, 'unknown', error?.code);
      t.regex(error?.message ?? '', /an earlier attempt may have been done/);
    }
  }
  const never = client(scripted(unavailable()), { attemptsMax: 2 }).orders.place({ book: '1' });
  t.like(await t.throwsAsync(never), { outcome: 'not_applied' });
});

test('a write that no gateway has been sent is made at the next one', async (t) => {
  const script = scripted('refused', written());
  t.is((await client(script).kv.put('k', 'v')).revision, 7);
  t.deepEqual(
    script.asked.map(({ url }) => url.host),
    ['a.example', 'b.example'],
  );
  const nowhere = client(scripted('refused'), { attemptsMax: 2 }).kv.put('k', 'v');
  t.like(await t.throwsAsync(nowhere), { code: 'unreachable', outcome: 'not_applied' });
});

test('calls that fail at one gateway together go to the next one together', async (t) => {
  const script = scripted(({ url }) => (url.host === 'a.example' ? 'unreachable' : new Response('world')));
  const bazar = client(script);
  await Promise.all([bazar.kv.get('k'), bazar.kv.get('l')]);
  t.deepEqual(
    script.asked.map(({ url }) => url.host),
    ['a.example', 'a.example', 'b.example', 'b.example'],
  );
});

test('attempts and time are bounded', async (t) => {
  const script = scripted('unreachable');
  const error = await t.throwsAsync(client(script, { attemptsMax: 3 }).kv.get('k'), { instanceOf: BazarError });
  t.is(error?.code, 'unreachable');
  t.is(error?.status, null);
  t.is(script.asked.length, 3);

  const patient = scripted(problem(429, 'idempotency_full', { outcome: 'not_applied' }, { 'Retry-After': '60' }));
  const startedAt = performance.now();
  await t.throwsAsync(client(patient).txn({}), { instanceOf: BazarError });
  t.is(patient.asked.length, 1);
  t.true(performance.now() - startedAt < 5000);

  const silent = scripted('hang');
  const late = await t.throwsAsync(client(silent, { timeoutMs: 200 }).kv.put('k', 'v'), { instanceOf: BazarError });
  t.is(late?.code, 'deadline');
  t.is(late?.outcome, 'unknown');
  t.is(silent.asked[0]?.url.searchParams.get('timeout'), '200ms');
});

test('a signal ends a call, whatever it is at', async (t) => {
  const reason = new Error('enough');
  for (const script of [scripted('hang'), scripted('unreachable')]) {
    const controller = new AbortController();
    const call = client(script, { attemptsMax: 1000 }).kv.get('k', { signal: controller.signal });
    setTimeout(() => controller.abort(reason), 100);
    t.is(await t.throwsAsync(call), reason);
  }
  const script = scripted(written());
  t.is(await t.throwsAsync(client(script).kv.get('k', { signal: AbortSignal.abort(reason) })), reason);
  t.is(script.asked.length, 0);
});

test('errors say what the gateway said', async (t) => {
  const refusal = problem(422, 'invalid_document', { outcome: 'not_applied', path: '/price' });
  const bazar = client(scripted(refusal));
  const error = await t.throwsAsync(bazar.collection('books').create({ id: '1' }), { instanceOf: BazarError });
  t.is(error?.message, 'refused: invalid_document');
  t.like(error, { code: 'invalid_document', status: 422, outcome: 'not_applied', path: '/price', name: 'BazarError' });
  t.is(error?.problem?.title, '');
});

test('what is no gateway is told', async (t) => {
  const page = client(scripted(new Response('<html>', { status: 404 })));
  t.like(await t.throwsAsync(page.kv.get('k')), { code: 'bad_answer', status: 404, outcome: 'not_applied' });
  const broken = client(scripted(new Response('<html>', { status: 502 })));
  t.like(await t.throwsAsync(broken.kv.put('k', 'v')), { code: 'bad_answer', status: 502, outcome: 'unknown' });
  const text = client(scripted(new Response('<html>', { status: 200 })));
  t.like(await t.throwsAsync(text.txn({})), { code: 'bad_answer', status: 200 });
});

test('URLs and names that cannot be are refused at once', async (t) => {
  for (const wrong of ['', 'a.example', 'ftp://a.example', 'http://a.example?b=c']) {
    t.throws(() => createBazarClient({ urls: wrong }), { instanceOf: TypeError }, wrong);
  }
  t.throws(() => createBazarClient({ urls: [] }), { instanceOf: TypeError });
  // A URL with such a step is that of another place.
  const script = scripted(written());
  for (const name of ['.', '..', '\ud800']) {
    await t.throwsAsync(client(script).kv.get(name), { instanceOf: BazarError });
    t.throws(() => client(script).collection(name), { instanceOf: BazarError });
  }
  t.is(script.asked.length, 0);
});

test('a token goes with each request', async (t) => {
  const { fetch, asked } = scripted(written());
  await createBazarClient({ urls: 'http://a.example', token: 'secret', fetch }).kv.put('k', 'v');
  t.is(asked[0]?.headers.get('Authorization'), 'Bearer secret');
});

test('what no request can bear is said at once, and nothing is sent', async (t) => {
  const script = scripted(written());
  const wrong = [
    client(script).txn({}, { idempotencyKey: 'ключ' }),
    client(script).kv.put('k', 'v', { contentType: 'text/plain\nX: y' }),
    createBazarClient({ urls, fetch: script.fetch, token: 'sec\nret' }).kv.get('k'),
    createBazarClient({ urls, fetch: script.fetch, token: 'sec\nret' }).watchKeys('').next(),
    client(script).watchKeys('', { from: 'ключ' }).next(),
  ];
  for (const [nth, name] of [
    'Idempotency-Key',
    'Content-Type',
    'Authorization',
    'Authorization',
    'Last-Event-ID',
  ].entries()) {
    const error = await t.throwsAsync(wrong[nth] as Promise<unknown>, { instanceOf: BazarError });
    t.like(error, { code: 'bad_header', status: null, outcome: 'not_applied' });
    t.is(error?.message, `the header ${name} cannot be sent: expected a text in ASCII without line breaks`);
  }
  t.is(script.asked.length, 0);
});

test('a URL with a password in it is refused without repeating it', (t) => {
  const error = t.throws(() => createBazarClient({ urls: 'http://me:secret@a.example' }), { instanceOf: TypeError });
  t.regex(error?.message ?? '', /without a name and a password/);
  t.notRegex(error?.message ?? '', /secret/);
});

test('where no gateway answers the error says why', async (t) => {
  const nowhere = client(scripted('refused'), { attemptsMax: 1 }).kv.get('k');
  t.is((await t.throwsAsync(nowhere))?.message, 'no gateway answered: connect');
  const severalAddresses = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' });
  const fetch = () => Promise.reject(new TypeError('fetch failed', { cause: severalAddresses }));
  const alone = createBazarClient({ urls, fetch, attemptsMax: 1 }).kv.get('k');
  t.is((await t.throwsAsync(alone))?.message, 'no gateway answered: ECONNREFUSED');
});

test('what JSON cannot hold is not stored as nothing', async (t) => {
  const script = scripted(written());
  for (const value of [undefined, () => 1]) {
    const error = await t.throwsAsync(client(script).kv.put('k', { json: value }), { instanceOf: TypeError });
    t.regex(error?.message ?? '', /expected \{ json \} with what JSON can hold, got (?:undefined|function)/);
  }
  t.is(script.asked.length, 0);
});
