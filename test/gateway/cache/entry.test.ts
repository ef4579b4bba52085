import test from 'ava';
import {
  answerBytes,
  chargedBytes,
  keyName,
  listedPrefix,
  listName,
  queryNamed,
} from '../../../src/gateway/cache/entry.ts';
import { entryOf } from './entries.ts';

const question = { type: 'list', prefix: 'a/', after: null, limit: 100, keysOnly: false } as const;

test('different questions have different names, whatever keys and prefixes look like', (t) => {
  const names = [
    keyName('a/'),
    keyName(listName(question)),
    listName(question),
    listName({ ...question, prefix: '' }),
    listName({ ...question, prefix: 'a/1' }),
    listName({ ...question, prefix: 'a/100v' }),
    listName({ ...question, prefix: ':a/' }),
    listName({ ...question, prefix: '2:a/' }),
    listName({ ...question, limit: 10 }),
    listName({ ...question, limit: 1 }),
    listName({ ...question, limit: 1, after: '00v' }),
    listName({ ...question, after: 'a/b' }),
    listName({ ...question, after: 'k' }),
    listName({ ...question, keysOnly: true }),
  ];
  t.is(new Set(names).size, names.length);
});

test('the prefix can be read off the name of a list, and of a list alone', (t) => {
  for (const prefix of ['', 'a/', '2:a/', ':', '10:', 'ä😀/', 'l', '7']) {
    t.is(listedPrefix(listName({ ...question, prefix, after: `${prefix}7` })), prefix);
    t.is(listedPrefix(keyName(prefix)), null);
  }
});

test('a name tells its question', (t) => {
  for (const key of ['a', 'l1:a1v', 'k', 'ä😀/', '7']) {
    t.deepEqual(queryNamed(keyName(key)), { type: 'get', key, withValue: true });
  }
  for (const prefix of ['', 'a/', '2:a/', '10:', 'ä😀/', '7']) {
    for (const after of [null, '7', 'k7v', 'a/\n9k']) {
      for (const keysOnly of [true, false]) {
        const list = { ...question, prefix, after, limit: 17, keysOnly };
        t.deepEqual(queryNamed(listName(list)), list);
      }
    }
  }
});

test('name, touches and answer are all charged for', (t) => {
  const charged = chargedBytes(entryOf('key'));
  t.true(charged > 0);
  t.is(chargedBytes(entryOf('longer key')), charged + 2 * 'longer '.length);
  t.is(chargedBytes(entryOf('key', { touches: [1, 2, 3] })), charged + 3 * 8);
  t.is(chargedBytes(entryOf('key', { bytes: 1000 })), charged + 1000);
});

test('an answer is counted with its headers; a text as if it had two bytes for each character', (t) => {
  t.is(answerBytes({ status: 404, headers: [], body: null }), 0);
  t.is(answerBytes({ status: 200, headers: [], body: Buffer.alloc(100) }), 100);
  t.is(answerBytes({ status: 200, headers: ['ETag', '"42"'], body: null }), 2 * (16 + 4));
  t.is(answerBytes({ status: 200, headers: [], body: 'x'.repeat(100) }), 16 + 200);
});
