import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryDirectory } from './directory.ts';
import { startKvServer } from './kv-server.ts';
import { bazar } from './terminal.ts';

const documents = ['{"id":"a","n":1.50}', '{"id":"b","n":12345678901234567890}', '{"id":"ü","list":[1e2,-0,"1.0"]}'];
const definition = { idField: 'id', indexes: [{ field: 'n', kind: 'number' }] };

/** A gateway whose pages have one document each. */
async function serving(t: ExecutionContext) {
  const kv = await startKvServer();
  t.teardown(() => kv.close());
  const asked: string[] = [];
  kv.fault = ({ url = '' }) => {
    asked.push(url);
    return null;
  };
  kv.more = ({ path }) => {
    if (path === '/v1/collections/a%20b') return { status: 200, body: definition };
    if (path !== '/v1/collections/a%20b/items') return { status: 404, body: 'collection_not_found' };
    const cursor = new URL(asked.at(-1) ?? '', kv.url).searchParams.get('cursor');
    const at = Number(cursor ?? 0);
    const next = at + 1 < documents.length ? `"${at + 1}"` : 'null';
    return { status: 200, body: `{"revision":7,"items":[{"id":"x","document":${documents[at]}}],"cursor":${next}}` };
  };
  return { asked, run: (...words: readonly string[]) => bazar(['export', ...words, '--url', kv.url]) };
}

test('documents of a collection are lines, with their numbers as they were written', async (t) => {
  const { run, asked } = await serving(t);
  const { code, stdout } = await run('--collection', 'a b');
  t.deepEqual([code, stdout], [0, documents.map((document) => `${document}\n`).join('')]);
  t.is(asked.length, 4);
});

test('what was written says how it is read back', async (t) => {
  const { run } = await serving(t);
  const file = join(temporaryDirectory(t), 'out.ndjson');
  const { code, stderr } = await run('--collection', 'a b', '--output', file);
  t.is(code, 0);
  const flags = '--collection "a b" --id "id" --index "n:number"';
  t.is(stderr, `exported 3 rows; read back with: bazar import ${file} ${flags}\n`);
  t.is(readFileSync(file, 'utf8').split('\n').length, 4);
});

test('a collection that is not there, and options that mean nothing for one', async (t) => {
  const { run } = await serving(t);
  const absent = await run('--collection', 'other');
  t.is(absent.code, 1);
  t.regex(absent.stderr, /because of collection_not_found/);
  for (const more of [
    ['--prefix', 'x'],
    ['--key', 'id'],
    ['--output', '/nowhere/x.csv'],
  ]) {
    t.is((await run('--collection', 'a b', ...more)).code, 2);
  }
});
