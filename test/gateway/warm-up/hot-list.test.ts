import test from 'ava';
import { decodeHotList, encodeHotList, hotListBytesMax, type Question } from '../../../src/gateway/warm-up/hot-list.ts';

const key = (name: string): Question => ({ type: 'get', key: name, withValue: true });
const page = { type: 'list', prefix: 'b/ü/', after: null, limit: 100, keysOnly: false } as const;
const questions: readonly Question[] = [
  key('a'),
  page,
  key('"\n😀'),
  { ...page, after: 'b/ü/7', keysOnly: true },
  key('__proto__'),
  { type: 'document', collection: 'Bücher', id: 'a/😀', withJson: true },
];

test('what was written is read again, in its order', (t) => {
  const bytes = encodeHotList('c1', questions);
  t.deepEqual(decodeHotList('c1', bytes), { type: 'list', questions });
  t.deepEqual(decodeHotList('c1', encodeHotList('c1', [])), { type: 'list', questions: [] });
});

test('at most 10,000 questions and 4 MiB are kept, the first ones', (t) => {
  const many = Array.from({ length: 10_001 }, (_, number) => key(`${number}`));
  t.deepEqual(decodeHotList('c1', encodeHotList('c1', many)), { type: 'list', questions: many.slice(0, 10_000) });
  const long = many.map((_, number) => key(`${number}/${'"'.repeat(1000)}`));
  const bytes = encodeHotList('c1', long);
  t.true(bytes.byteLength <= hotListBytesMax && bytes.byteLength > hotListBytesMax - 2100, `${bytes.byteLength}`);
  const list = decodeHotList('c1', bytes);
  if (list.type !== 'list') return t.fail(list.reason);
  t.deepEqual(list.questions, long.slice(0, list.questions.length));
});

test('a list that is cut off anywhere is of no use, and never half of one', (t) => {
  const bytes = encodeHotList('c1', questions);
  for (let length = 0; length < bytes.byteLength - 1; length += 1) {
    const { type } = decodeHotList('c1', bytes.subarray(0, length));
    if (type === 'list') return t.fail(`cut at ${length}`);
  }
  t.pass();
});

test('a list of another cluster or version is of no use', (t) => {
  const bytes = encodeHotList('c1', questions);
  t.deepEqual(decodeHotList('c2', bytes), { type: 'useless', reason: 'it is of another cluster' });
  const later = Buffer.from(bytes.toString().replace('"version":1', '"version":2'));
  t.deepEqual(decodeHotList('c1', later), { type: 'useless', reason: 'expected version 1' });
});

const impossible = [
  '1',
  'null',
  '[]',
  '""',
  JSON.stringify('x'.repeat(1025)),
  '"\\ud800"',
  '{}',
  ...[
    { prefix: 'b' },
    { prefix: '' },
    { after: 'c' },
    { after: 3 },
    { limit: 0 },
    { limit: 1001 },
    { limit: 1.5 },
    { limit: '9' },
    { keysOnly: 1 },
  ].map((mistake) => JSON.stringify({ ...page, type: undefined, ...mistake })),
  ...[
    { collection: 'c' },
    { id: '1' },
    { collection: '', id: '1' },
    { collection: 'c', id: '' },
    { collection: 'c', id: 1 },
  ].map((mistake) => JSON.stringify(mistake)),
];

test('a question that no request can ask makes the list useless', (t) => {
  const listWith = (written: string) =>
    decodeHotList(
      'c1',
      Buffer.from(
        encodeHotList('c1', questions)
          .toString()
          .replace('"a"', () => written),
      ),
    );
  t.is(listWith('"b"').type, 'list');
  for (const written of impossible)
    t.deepEqual(listWith(written), { type: 'useless', reason: 'it is damaged' }, written);
  const repeated = Array(10_001).fill('"a"').join(',');
  t.is(listWith(repeated).type, 'useless');
});

test('what is no such list at all is told apart, so that nobody writes over it', (t) => {
  for (const text of ['hello', '{}', ' ', '[1]', '{"format":"else"}', '\u0000']) {
    t.is(decodeHotList('c1', Buffer.from(text)).type, 'alien', text);
  }
  t.is(decodeHotList('c1', Buffer.alloc(0)).type, 'useless', 'nothing is lost with it');
});
