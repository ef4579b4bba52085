import test from 'ava';
import {
  answerBytes,
  chargedBytes,
  documentName,
  keyName,
  listedPrefix,
  listName,
  queryNamed,
  searchName,
} from '../../../src/gateway/cache/entry.ts';
import type { SearchQuery } from '../../../src/gateway/store.ts';
import { entryOf } from './entries.ts';

const question = { type: 'list', prefix: 'a/', after: null, limit: 100, keysOnly: false } as const;

const search: SearchQuery = {
  type: 'search',
  definition: 3 as SearchQuery['definition'],
  search: {
    ...{ collection: 'c', filters: [], sort: null, after: null, limit: 10, fields: null, count: false },
  },
};
const searchFor = (parts: Partial<SearchQuery['search']>) =>
  searchName({ ...search, search: { ...search.search, ...parts } });

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
    documentName({ collection: 'c', id: '1' }),
    documentName({ collection: 'c1', id: '' }),
    documentName({ collection: 'c', id: '1:c1' }),
    documentName({ collection: '1:c', id: '1' }),
    searchName(search),
    searchName({ ...search, definition: 31 as SearchQuery['definition'] }),
    searchFor({ collection: 'c3' }),
    searchFor({ collection: 'd' }),
    searchFor({ filters: [{ field: 'f', type: 'term', term: 't' }] }),
    searchFor({ filters: [{ field: 'f', type: 'words', words: ['t'] }] }),
    searchFor({ sort: { field: 'f', descending: false } }),
    searchFor({ sort: { field: 'f', descending: true } }),
    searchFor({ after: { id: '1', sortValue: null } }),
    searchFor({ after: { id: '1', sortValue: 1 } }),
    searchFor({ limit: 1 }),
    searchFor({ fields: [] }),
    searchFor({ fields: ['f'] }),
    searchFor({ count: true }),
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

test('the name of a document tells its question, and that of a search none', (t) => {
  for (const collection of ['c', '1:c', 'ä😀/', '7']) {
    for (const id of ['1', ':', 'ä😀/', 'a/b']) {
      const query = { type: 'document', collection, id, withJson: true } as const;
      t.deepEqual(queryNamed(documentName(query)), query);
      t.is(listedPrefix(documentName(query)), null);
    }
  }
  t.is(queryNamed(searchName(search)), null);
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
