import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryDirectory } from './directory.ts';
import { type KvServer, startKvServer } from './kv-server.ts';
import { bazar } from './terminal.ts';

interface Fixture {
  readonly kv: KvServer;
  readonly directory: string;
  run(words: readonly string[], interrupted?: AbortSignal): ReturnType<typeof bazar>;
  put(key: string, value: string | Buffer): void;
}

async function withServer(t: ExecutionContext): Promise<Fixture> {
  const kv = await startKvServer();
  t.teardown(() => kv.close());
  return {
    kv,
    directory: temporaryDirectory(t),
    run: (words, interrupted) => bazar([...words, '--url', kv.url], interrupted === undefined ? {} : { interrupted }),
    put(key, value) {
      kv.items.set(key, { value: Buffer.from(value), contentType: 'application/json', modRevision: 1, version: 1 });
    },
  };
}

const contents = (kv: KvServer) =>
  Object.fromEntries([...kv.items].map(([key, { value }]) => [key, value.toString('base64')]));

const csv = `id,title,2020,10\n${Array.from(
  { length: 2500 },
  (_, at) => `${at},"quotes "", commas, ü\r\n${at}",\ufeff,\n`,
).join('')}`;
const ndjson = Array.from({ length: 2500 }, (_, at) => `${' '.repeat(at % 3)}{"x": [${at}, {}], "id":${at}}\n`).join(
  '',
);

for (const [source, content, output] of [
  ['in.csv', csv, 'out.csv'],
  ['in.csv', csv, 'out.ndjson'],
  ['in.ndjson', ndjson, 'out.ndjson'],
] as const) {
  test(`what import stored from ${source} comes back, byte for byte, through ${output}`, async (t) => {
    const { kv, directory, run } = await withServer(t);
    writeFileSync(join(directory, source), content);
    t.is((await run(['import', join(directory, source), '--prefix', 'b/', '--key', 'id'])).code, 0);
    const before = contents(kv);
    const file = join(directory, output);
    const exported = await run(['export', '--prefix', 'b/', '--output', file]);
    t.deepEqual([exported.code, exported.stdout], [0, '']);
    t.is(exported.stderr, `exported 2,500 rows; read back with: bazar import ${file} --prefix "b/" --key "id"\n`);
    t.false(existsSync(`${file}.bazar-export`));
    kv.items.clear();
    t.is((await run(['import', file, '--prefix', 'b/', '--key', 'id'])).code, 0);
    t.deepEqual(contents(kv), before);
  });
}

test('without --output, NDJSON goes to the standard output', async (t) => {
  const { put, run } = await withServer(t);
  put('b/1', '{"id":"1"}');
  put('b/2', '{"id":2, "x":null}');
  put('c/3', 'elsewhere');
  const { code, stdout } = await run(['export', '--prefix', 'b/']);
  t.deepEqual([code, stdout], [0, '{"id":"1"}\n{"id":2, "x":null}\n']);
});

test('pages that fail for a while are asked for again', async (t) => {
  const { kv, put, run } = await withServer(t);
  for (let at = 0; at < 1500; at++) put(`b/${at}`, `{"id":"${at}"}`);
  let requests = 0;
  kv.fault = () => ([503, 'break', null, 504, null] as const)[requests++] ?? null;
  const { code, stdout } = await run(['export', '--prefix', 'b/']);
  t.is(code, 0);
  t.is(stdout.split('\n').length, 1501);
  t.is(requests, 5);
});

const refusals: readonly [string, readonly (readonly [string, string | Buffer])[], readonly string[], RegExp][] = [
  ['bytes', [['b/1', Buffer.from([255])]], [], /cannot export "b\/1": its value is not UTF-8$/],
  ['text', [['b/1', 'hello']], [], /cannot export "b\/1": its value is not a JSON object$/],
  ['a list', [['b/1', '["1"]']], [], /its value is not a JSON object$/],
  ['two lines', [['b/1', '{"id":\n"1"}']], [], /its value has more than one line$/],
  ['no field with the key', [['b/1', '{"x":"2"}']], [], /its value does not hold "1" in "x", so that import could not/],
  [
    'no field with the key everywhere',
    [
      ['b/1', '{"x":"1"}'],
      ['b/2', '{"y":"2"}'],
    ],
    [],
    /cannot export "b\/2": its value does not hold "2" in "x"/,
  ],
  ['not the field that was named', [['b/1', '{"x":"1","y":"2"}']], ['--key', 'y'], /does not hold "1" in "y"/],
  [
    'for CSV: a number',
    [['b/1', '{"id":1}']],
    ['--output', 'out.csv'],
    /not a flat JSON object of strings .*; use \.ndjson$/,
  ],
  [
    'for CSV: spaces',
    [['b/1', '{"id": "1"}']],
    ['--output', 'out.csv'],
    /not a flat JSON object of strings .*; use \.ndjson$/,
  ],
  [
    'for CSV: another header',
    [
      ['b/1', '{"id":"1","x":""}'],
      ['b/2', '{"x":"","id":"2"}'],
    ],
    ['--output', 'out.csv'],
    /cannot export "b\/2": its value has other fields than those before it; use \.ndjson$/,
  ],
];

for (const [name, items, more, message] of refusals) {
  test(`refused, by the name of the key: ${name}`, async (t) => {
    const { directory, put, run } = await withServer(t);
    for (const [key, value] of items) put(key, value);
    const words = more.map((word) => (word === 'out.csv' ? join(directory, word) : word));
    const { code, stderr } = await run(['export', '--prefix', 'b/', ...words]);
    t.is(code, 1);
    t.regex(stderr.trimEnd(), message);
  });
}

for (const output of ['out.ndjson', 'out.csv']) {
  test(`--resume goes on behind the pages that are written: ${output}`, async (t) => {
    const { kv, directory, put, run } = await withServer(t);
    for (let at = 0; at < 3500; at++) put(`b/${at}`, `{"id":"${at}","t":"ü, \\"${at}\\""}`);
    const whole = join(directory, `whole-${output}`);
    await run(['export', '--prefix', 'b/', '--output', whole]);
    const file = join(directory, output);
    const interruption = new AbortController();
    kv.requests.length = 0;
    kv.fault = () => {
      if (kv.requests.length === 2) interruption.abort();
      return null;
    };
    const first = await run(['export', '--prefix', 'b/', '--output', file], interruption.signal);
    t.is(first.code, 1);
    t.regex(first.stderr, /^exported 2,000 rows; go on with --resume\nbazar: interrupted\n$/);
    // What was written beyond the checkpoint, as by a crash between the two, is not kept.
    writeFileSync(file, `${readFileSync(file, 'utf8')}${'half a line'.repeat(10_000)}`);
    kv.requests.length = 0;
    t.is((await run(['export', '--prefix', 'b/', '--output', file, '--resume'])).code, 0);
    t.is(kv.requests.length, 2);
    t.is(readFileSync(file, 'utf8'), readFileSync(whole, 'utf8'));
    t.false(existsSync(`${file}.bazar-export`));
  });
}

test('--resume refuses what does not fit', async (t) => {
  const { directory, put, run } = await withServer(t);
  const file = join(directory, 'out.ndjson');
  put('b/1', '{"id":"1"}');
  t.is((await run(['export', '--resume'])).code, 2);
  t.is((await run(['export', '--output', join(directory, 'out.txt')])).code, 2);
  const checkpoint = { prefix: 'b/', key: null, rows: 5, bytes: 50, cursor: 'b/0', columns: null, keyFields: ['id'] };
  writeFileSync(`${file}.bazar-export`, JSON.stringify(checkpoint));
  writeFileSync(file, 'short');
  const short = await run(['export', '--prefix', 'b/', '--output', file, '--resume']);
  t.regex(short.stderr, /cannot resume: .*out\.ndjson has 5 bytes, expected 50 or more/);
  const other = await run(['export', '--prefix', 'c/', '--output', file, '--resume']);
  t.regex(other.stderr, /cannot resume: the prefix, the key field or the collection differs/);
  t.deepEqual([short.code, other.code], [1, 1]);
  writeFileSync(`${file}.bazar-export`, '{');
  const damaged = await run(['export', '--prefix', 'b/', '--output', file, '--resume']);
  t.regex(damaged.stderr, /the progress file .* is damaged; remove it and start without --resume/);
});

test('nothing under the prefix is an empty file', async (t) => {
  const { directory, run } = await withServer(t);
  const file = join(directory, 'out.csv');
  const { code, stderr } = await run(['export', '--prefix', 'b/', '--output', file]);
  t.deepEqual([code, stderr, readFileSync(file, 'utf8')], [0, 'exported 0 rows\n', '']);
});
