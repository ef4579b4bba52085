import test from 'ava';
import fc from 'fast-check';
import { EventParser } from '../../src/client/sse.ts';
import { BazarError, CompactedError, createBazarClient, type KeyChange } from '../../src/client.ts';
import { problem, scripted, stream } from './script.ts';

const urls = ['http://a.example', 'http://b.example'];

function put(id: string, key: string): string {
  const members = { key, revision: 1, createRevision: 1, version: 1, contentType: 'text/plain', size: 1, value: 'v' };
  return `id: ${id}\nevent: put\ndata: ${JSON.stringify(members)}\n\n`;
}
const bookmark = (id: string) => `retry: 1000\n\nid: ${id}\nevent: bookmark\ndata: {"revision":1}\n\n`;

async function take(changes: AsyncIterable<KeyChange>, count: number): Promise<readonly string[]> {
  const taken: string[] = [];
  for await (const { at, key } of changes) {
    taken.push(`${at} ${key}`);
    if (taken.length === count) break;
  }
  return taken;
}

test('a watch goes on at the next gateway, from the last change it has seen', async (t) => {
  const { fetch, asked } = scripted(
    stream(bookmark('5') + put('6:0', 'a'), { ends: true }),
    'unreachable',
    stream(put('6', 'b') + put('8', 'c').slice(0, 30), { ends: true }),
    stream(put('8', 'c'), { ends: false }),
  );
  const changes = createBazarClient({ urls, fetch }).watchKeys('p/', { from: 4 });
  t.deepEqual(await take(changes, 3), ['6:0 a', '6 b', '8 c']);
  t.deepEqual(
    asked.map(({ headers }) => headers.get('Last-Event-ID')),
    ['4', '6:0', '6:0', '6'],
  );
  t.deepEqual(
    asked.map(({ url }) => url.host),
    ['a.example', 'b.example', 'a.example', 'b.example'],
  );
  t.is(asked[0]?.url.search, '?prefix=p%2F');
});

test('where nothing has changed yet, it goes on from the bookmark', async (t) => {
  const { fetch, asked } = scripted(
    stream(bookmark('5'), { ends: true }),
    stream('id: 9\nevent: closing\ndata: {"from":"9"}\n\n', { ends: true }),
    stream(put('10', 'a'), { ends: false }),
  );
  t.deepEqual(await take(createBazarClient({ urls, fetch }).watchKeys(''), 1), ['10 a']);
  t.deepEqual(
    asked.map(({ headers }) => headers.get('Last-Event-ID')),
    [null, '5', '9'],
  );
});

test('who takes long over a change is not without a gateway', async (t) => {
  const { fetch } = scripted(stream(put('6', 'a'), { ends: true }), stream(put('7', 'b'), { ends: false }));
  const seen: string[] = [];
  for await (const { at } of createBazarClient({ urls, fetch }).watchKeys('', { giveUpMs: 50 })) {
    seen.push(at);
    if (at === '7') break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  t.deepEqual(seen, ['6', '7']);
});

test('changes that are not kept any more end it', async (t) => {
  const notice = 'event: compacted\ndata: {"from":"4","compactedRevision":7}\n\n';
  for (const step of [stream(notice, { ends: true }), problem(410, 'compacted', { compactedRevision: 7 })]) {
    const { fetch, asked } = scripted(step);
    const changes = createBazarClient({ urls, fetch }).watchKeys('', { from: 4 });
    const error = await t.throwsAsync(take(changes, 1), { instanceOf: CompactedError });
    t.is(error?.compactedRevision, 7);
    t.is(error?.code, 'compacted');
    t.is(asked.length, 1);
  }
});

test('a watch that is refused ends at once, one that nobody answers after its time', async (t) => {
  const refused = scripted(problem(400, 'future_revision'));
  await t.throwsAsync(take(createBazarClient({ urls, fetch: refused.fetch }).watchKeys('', { from: 99 }), 1), {
    message: 'refused: future_revision',
  });
  t.is(refused.asked.length, 1);
  const lonely = scripted('unreachable');
  const changes = createBazarClient({ urls, fetch: lonely.fetch }).watchKeys('', { giveUpMs: 300 });
  t.like(await t.throwsAsync(take(changes, 1), { instanceOf: BazarError }), { code: 'unreachable' });
  t.true(lonely.asked.length > 1);
});

test('who leaves, or gives a signal, closes the connection', async (t) => {
  const signals: AbortSignal[] = [];
  const { fetch } = scripted(stream(put('6', 'a'), { ends: false }));
  const noting: typeof fetch = (input, init) => {
    if (init?.signal) signals.push(init.signal);
    return fetch(input, init);
  };
  const bazar = createBazarClient({ urls, fetch: noting });
  await take(bazar.watchKeys(''), 1);
  t.true(signals[0]?.aborted);

  const reason = new Error('enough');
  const { fetch: silent } = scripted('hang');
  const controller = new AbortController();
  const changes = createBazarClient({ urls, fetch: silent }).watchKeys('', { signal: controller.signal });
  setTimeout(() => controller.abort(reason), 50);
  t.is(await t.throwsAsync(take(changes, 1)), reason);
});

test('events are the same wherever their bytes are cut', (t) => {
  const text = `${bookmark('5')}: heartbeat\n\n${put('6', 'schlüssel-€-😀')}event: end\ndata: {}\n\nid: 7\nevent: rest`;
  const bytes = new TextEncoder().encode(text);
  const whole = new EventParser().take(bytes);
  t.deepEqual(
    whole.map(({ name, id }) => [name, id]),
    [
      ['bookmark', '5'],
      ['put', '6'],
      ['end', null],
    ],
  );
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
      const parser = new EventParser();
      const ends = [...cuts, bytes.length].sort((a, b) => a - b);
      const events = ends.flatMap((end, nth) => parser.take(bytes.subarray(ends[nth - 1] ?? 0, end)));
      t.deepEqual(events, whole);
    }),
  );
  t.throws(() => new EventParser().take(new Uint8Array(17 * 1024 * 1024).fill(0x61)), { instanceOf: RangeError });
});
