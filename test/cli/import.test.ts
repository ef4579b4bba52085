import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryDirectory } from './directory.ts';
import { type KvServer, startKvServer } from './kv-server.ts';
import { bazar } from './terminal.ts';

interface Fixture {
  readonly kv: KvServer;
  readonly file: string;
  readonly checkpoint: string;
  run(more?: readonly string[], interrupted?: AbortSignal): ReturnType<typeof bazar>;
}

async function withFile(t: ExecutionContext, name: string, content: string): Promise<Fixture> {
  const kv = await startKvServer();
  t.teardown(() => kv.close());
  const file = join(temporaryDirectory(t), name);
  writeFileSync(file, content);
  const words = ['import', file, '--prefix', 'books/', '--key', 'id', '--url', kv.url];
  return {
    kv,
    file,
    checkpoint: `${file}.bazar-import`,
    run: (more = [], interrupted) => bazar([...words, ...more], interrupted === undefined ? {} : { interrupted }),
  };
}

const csvOf = (count: number): string =>
  `id,title\n${Array.from({ length: count }, (_, at) => `${at + 1},"title ""${at + 1}"", ü"\n`).join('')}`;

const textOf = (kv: KvServer, key: string): string | undefined => kv.items.get(key)?.value.toString();

test('every row of a CSV file is stored', async (t) => {
  const { kv, checkpoint, run } = await withFile(t, 'books.csv', csvOf(1234));
  const { code, stdout, stderr } = await run();
  t.deepEqual([code, stdout], [0, '']);
  t.regex(stderr, /^imported 1,234 rows in \d+\.\d s, [\d,]+ rows\/s\n$/);
  t.is(kv.items.size, 1234);
  for (let id = 1; id <= 1234; id++) {
    t.is(textOf(kv, `books/${id}`), `{"id":"${id}","title":"title \\"${id}\\", ü"}`);
  }
  t.is(kv.items.get('books/1')?.contentType, 'application/json');
  t.false(existsSync(checkpoint));
});

test('NDJSON lines are stored byte for byte', async (t) => {
  const { kv, run } = await withFile(t, 'books.ndjson', '{"id": 1.0e0, "id":"a/b"}\n  {"id":"%2F ü"}\r\n');
  t.is((await run()).code, 0);
  t.is(textOf(kv, 'books/a/b'), '{"id": 1.0e0, "id":"a/b"}');
  t.is(textOf(kv, 'books/%2F ü'), '  {"id":"%2F ü"}');
});

test('requests that fail for a while are sent again, each until it succeeds', async (t) => {
  const { kv, run } = await withFile(t, 'books.csv', csvOf(200));
  const faults = [503, 429, 504, 'break'] as const;
  const failed = new Map<string, number>();
  kv.fault = ({ url = '' }) => {
    const before = failed.get(url) ?? 0;
    failed.set(url, before + 1);
    return before < 2 ? (faults[(failed.size + before) % 4] ?? null) : null;
  };
  const { code, stderr } = await run();
  t.is(code, 0);
  t.regex(stderr, /^imported 200 rows in .* 400 retries\n$/);
  t.is(kv.items.size, 200);
  t.deepEqual(new Set(failed.values()), new Set([3]));
});

test('a record that fails for longer than --timeout stops the import with its row', async (t) => {
  const { kv, checkpoint, run } = await withFile(t, 'books.csv', csvOf(20));
  kv.fault = ({ url }) => (url?.startsWith('/v1/kv/books%2F7?') ? 503 : null);
  const { code, stderr } = await run(['--timeout', '300ms', '--concurrency', '1']);
  t.is(code, 5);
  t.regex(stderr, /books\.csv: row 7: Status 503: because of injected; gave up after 300 ms\n$/);
  t.is(kv.items.size, 6);
  t.is(JSON.parse(readFileSync(checkpoint, 'utf8')).row, 6);
});

test('a refusal is final', async (t) => {
  const { kv, run } = await withFile(t, 'books.csv', csvOf(3));
  kv.items.set('books/2', { value: Buffer.from('x'), contentType: 'x', modRevision: 1, version: 1 });
  const { code, stderr } = await run(['--url', `${kv.url}/elsewhere`, '--concurrency', '1']);
  t.is(code, 1);
  t.regex(stderr, /row 1: Status 404: because of unknown_route/);
  t.is(kv.requests.length, 1);
});

const bad = 'id,title\n1,a\n2\n3,c\n,d\n5,e\n';

test('a bad row stops the import with its number and reason; rows before it are stored', async (t) => {
  const { kv, file, run } = await withFile(t, 'books.csv', bad);
  const { code, stderr } = await run();
  t.is(code, 1);
  t.true(stderr.endsWith(`bazar: ${file}: row 2: expected 2 cells, got 1; --skip-bad would go on\n`), stderr);
  t.deepEqual([...kv.items.keys()], ['books/1']);
});

test('--skip-bad counts bad rows and goes on', async (t) => {
  const { kv, run } = await withFile(t, 'books.csv', bad);
  const { code, stderr } = await run(['--skip-bad']);
  t.is(code, 0);
  t.regex(stderr, /^imported 3 rows in .*, 2 bad rows skipped\n$/);
  t.deepEqual([...kv.items.keys()].sort(), ['books/1', 'books/3', 'books/5']);
});

test('of rows with one key the last is kept, however the requests fare', async (t) => {
  const rows = Array.from({ length: 300 }, (_, at) => `${at % 7},${at}\n`);
  const { kv, run } = await withFile(t, 'books.csv', `id,n\n${rows.join('')}`);
  let requests = 0;
  kv.fault = () => (++requests % 3 === 0 ? 503 : null);
  t.is((await run(['--concurrency', '32'])).code, 0);
  for (let id = 0; id < 7; id++) {
    const last = Array.from({ length: 300 }, (_, at) => at).findLast((at) => at % 7 === id);
    t.is(textOf(kv, `books/${id}`), `{"id":"${id}","n":"${last}"}`);
  }
});

test('no more than --concurrency records are on their way', async (t) => {
  const { kv, run } = await withFile(t, 'books.csv', csvOf(100));
  let most = 0;
  let waiting: (() => void)[] = [];
  kv.fault = async () => {
    const turn = new Promise<void>((resolve) => waiting.push(resolve));
    if (waiting.length === 5) {
      // Time for a sixth one to come, if it would.
      for (let rounds = 0; rounds < 20; rounds++) await new Promise(setImmediate);
      most = Math.max(most, waiting.length);
      for (const go of waiting) go();
      waiting = [];
    }
    await turn;
    return null;
  };
  t.is((await run(['--concurrency', '5'])).code, 0);
  t.is(most, 5);
});

test('--resume goes on behind the rows that are done, and only there', async (t) => {
  const { kv, checkpoint, run } = await withFile(t, 'books.csv', csvOf(2000));
  const interruption = new AbortController();
  let requests = 0;
  kv.fault = () => {
    if (++requests === 1200) interruption.abort();
    return null;
  };
  const first = await run([], interruption.signal);
  t.is(first.code, 1);
  t.regex(first.stderr, /^imported 1,\d\d\d rows .*; go on with --resume\nbazar: .*books\.csv: interrupted\n$/);
  const { row } = JSON.parse(readFileSync(checkpoint, 'utf8'));
  t.true(row >= 1000 && row < 2000, `${row}`);
  kv.writes.length = 0;
  const second = await run(['--resume']);
  t.is(second.code, 0);
  t.true(second.stderr.includes(`imported ${(2000 - row).toLocaleString('en-US')} rows`), second.stderr);
  t.is(kv.writes.length, 2000 - row);
  t.is(kv.items.size, 2000);
  t.false(existsSync(checkpoint));
});

test('the checkpoint is written as the import goes, and never runs ahead of it', async (t) => {
  const { kv, checkpoint, run } = await withFile(t, 'books.csv', csvOf(1600));
  const { promise: released, resolve: release } = Promise.withResolvers<null>();
  // Row 700 stays under way while all others are stored.
  kv.fault = ({ url }) => (url?.startsWith('/v1/kv/books%2F700?') ? released : null);
  const running = run();
  while (kv.items.size < 1599) await new Promise(setImmediate);
  const { row } = JSON.parse(readFileSync(checkpoint, 'utf8'));
  t.true(row >= 500 && row < 700, `${row}`);
  release(null);
  t.is((await running).code, 0);
});

test('--resume without an earlier run begins at the beginning', async (t) => {
  const { kv, run } = await withFile(t, 'books.csv', csvOf(10));
  t.is((await run(['--resume'])).code, 0);
  t.is(kv.items.size, 10);
});

test('--resume refuses a source that changed, and touches nothing', async (t) => {
  const { kv, file, checkpoint, run } = await withFile(t, 'books.csv', `${csvOf(10)}bad\n`);
  t.is((await run()).code, 1);
  const saved = readFileSync(checkpoint, 'utf8');
  const refusals: [() => void, readonly string[], RegExp][] = [
    [() => undefined, ['--prefix', 'other/'], /cannot resume: the prefix changed/],
    [() => undefined, ['--key', 'title'], /cannot resume: the key field changed/],
    [() => utimesSync(file, 1, 1), [], /cannot resume: the time of the file changed/],
    [() => writeFileSync(file, csvOf(11)), [], /cannot resume: the size of the file and the time of the file changed/],
  ];
  kv.requests.length = 0;
  for (const [change, more, message] of refusals) {
    change();
    const { code, stderr } = await run(['--resume', ...more]);
    t.is(code, 1);
    t.regex(stderr, message);
  }
  t.is(readFileSync(checkpoint, 'utf8'), saved);
  t.deepEqual(kv.requests, []);
});

test('a checkpoint that cannot be written is told before anything is sent', async (t) => {
  const { kv, run } = await withFile(t, 'books.csv', csvOf(3));
  const { code, stderr } = await run(['--progress-file', '/dev/null/progress']);
  t.is(code, 1);
  t.regex(
    stderr,
    /^bazar: cannot write the progress file \/dev\/null\/progress: .*; name another with --progress-file\n$/,
  );
  t.deepEqual(kv.requests, []);
});

test('a file that is not there, or of another kind', async (t) => {
  const { run } = await withFile(t, 'books.csv', csvOf(1));
  const missing = await run([]);
  t.is(missing.code, 0);
  const absent = await bazar(['import', '/nowhere/books.csv', '--key', 'id']);
  t.deepEqual([absent.code, absent.stderr], [1, 'bazar: there is no file /nowhere/books.csv\n']);
  t.is((await bazar(['import', 'books.xlsx', '--key', 'id'])).code, 2);
});
