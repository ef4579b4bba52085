import test from 'ava';
import { touchesOfSearch, touchesOfShown } from '../../../src/gateway/catalog/search-touches.ts';
import {
  type Search,
  touchOfBlindChange,
  touchOfCollection,
  touchOfDocument,
  touchOfDocumentField,
  touchOfField,
  touchOfMembers,
  touchOfTerm,
} from '../../../src/store/client.ts';

const everything: Search = {
  ...{ collection: 'books', filters: [], sort: null, after: null, limit: 50, fields: null, count: false },
};
const ids = (count: number) => Array.from({ length: count }, (_, nth) => `${nth}`);
const fields = (count: number) => Array.from({ length: count }, (_, nth) => `f${nth}`);

test('a search without an exact term ends with every member that comes or goes, and with its fields', (t) => {
  t.deepEqual(touchesOfSearch(everything), [touchOfCollection('books'), touchOfMembers('books')]);
  const range = { type: 'number', min: 1, max: null, minExclusive: false, maxExclusive: false } as const;
  const search: Search = {
    ...everything,
    filters: [
      { field: 'topic', type: 'contains', text: 'a' },
      { field: 'price', ...range },
    ],
    sort: { field: 'stock', descending: true },
  };
  t.deepEqual(touchesOfSearch(search), [
    ...[touchOfCollection('books'), touchOfMembers('books')],
    ...['topic', 'price', 'stock'].map((field) => touchOfField('books', field)),
  ]);
});

test('a search with an exact term ends with who has it, and with blind changes of its field', (t) => {
  const search: Search = {
    ...everything,
    filters: [
      { field: 'topic', type: 'term', term: 'systems' },
      { field: 'title', type: 'words', words: ['for', 'noobs'] },
      { field: 'price', type: 'number', min: 5, max: 5, minExclusive: false, maxExclusive: false },
      { field: 'stock', type: 'number', min: 5, max: 5, minExclusive: true, maxExclusive: false },
    ],
  };
  t.deepEqual(touchesOfSearch(search), [
    touchOfCollection('books'),
    ...[touchOfBlindChange('books', 'topic'), touchOfTerm('books', 'topic', 'term', 'systems')],
    touchOfBlindChange('books', 'title'),
    ...['for', 'noobs'].map((word) => touchOfTerm('books', 'title', 'words', word)),
    ...[touchOfBlindChange('books', 'price'), touchOfTerm('books', 'price', 'number', 5)],
    touchOfField('books', 'stock'),
  ]);
});

test('whole documents are told one by one, however many there are', (t) => {
  const touches = ids(1000).map((id) => touchOfDocument('books', id));
  t.deepEqual(touchesOfShown(everything, ids(1000)), touches);
});

test('fields of documents are told one by one up to 256 of them, and of more each field', (t) => {
  const some = { ...everything, fields: fields(2) };
  const pairs = ids(128).flatMap((id) => fields(2).map((field) => touchOfDocumentField('books', id, field)));
  t.deepEqual(touchesOfShown(some, ids(128)), pairs);
  t.deepEqual(
    touchesOfShown(some, ids(129)),
    fields(2).map((field) => touchOfField('books', field)),
  );
});
