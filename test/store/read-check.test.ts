import test from 'ava';
import { index } from '../../src/raft/types.ts';
import type { KeyValue, Query } from '../../src/store/command.ts';
import type { ReadReply } from '../../src/store/protocol.ts';
import { verdictOn } from '../../src/store/read-check.ts';
import type { LinkAnswer } from '../../src/store/replica-link.ts';

const get: Query = { type: 'get', key: 'a/1', withValue: true };
const head: Query = { type: 'get', key: 'a/1', withValue: false };
const list: Query = { type: 'list', prefix: 'a/', after: null, limit: 2, keysOnly: true };
const values: Query = { type: 'list', prefix: 'a/', after: null, limit: 2, keysOnly: false };

const next: Query = { type: 'list', prefix: 'a/', after: 'a/1', limit: 2, keysOnly: true };

const bare = (key: string): KeyValue => {
  return { key, createRevision: 1, modRevision: 1, version: 1, contentType: 'text/plain', sizeBytes: 3 };
};
const whole = (key: string, value = 'abc'): KeyValue => ({ ...bare(key), value: Buffer.from(value) });
const item = (found: KeyValue | null): ReadReply => {
  return { type: 'done', result: { type: 'get', revision: index(7), item: found } };
};
const page = (...items: readonly KeyValue[]): ReadReply => {
  return { type: 'done', result: { type: 'list', revision: index(7), items, more: false } };
};
const nothingAndMore: ReadReply = {
  type: 'done',
  result: { type: 'list', revision: index(7), items: [], more: true },
};
const full: ReadReply = { type: 'full' };
const unavailable: ReadReply = { type: 'unavailable' };

const good: readonly (readonly [string, readonly Query[], readonly ReadReply[]])[] = [
  ['a value', [get], [item(whole('a/1'))]],
  ['no such key', [get], [item(null)]],
  ['what stands at a key, without its value', [head], [item(bare('a/1'))]],
  ['a page of keys', [list], [page(bare('a/1'), bare('a/2'))]],
  ['an empty page', [list], [page()]],
  ['a page after a key', [next], [page(bare('a/10'), bare('a/2'))]],
  ['a page of keys that UTF-16 would put in another order', [list], [page(bare('a/\uffee'), bare('a/\u{1f600}'))]],
  ['a page with values', [values], [page(whole('a/1'))]],
  ['one that fits, and one that does not', [get, list], [item(null), full]],
  ['one that could be read, and one that could not', [get, list], [unavailable, page()]],
];
for (const [title, queries, replies] of good) {
  test(`an answer: ${title}`, (t) => t.is(verdictOn({ type: 'read', replies }, queries), 'served'));
}

const bad: readonly (readonly [string, readonly Query[], LinkAnswer | readonly ReadReply[]])[] = [
  ['nothing came', [get], { type: 'lost' }],
  ['nothing was sent', [get], { type: 'notSent' }],
  ['it cannot be decoded', [get], { type: 'error', reason: 'the answer could not be decoded' }],
  ['it is one to a write', [get], { type: 'write', replies: [{ type: 'unknown' }] }],
  ['too few', [get, get], [item(null)]],
  ['too many', [get], [item(null), item(null)]],
  ['none to none that were asked', [get], []],
  ['another key', [get], [item(whole('a/2'))]],
  ['another key beside a good one', [get, get], [item(null), item(whole('a/2'))]],
  ['a value that is cut short', [get], [item(whole('a/1', 'ab'))]],
  ['a value that is missing', [get], [item(bare('a/1'))]],
  ['a value that was not asked for', [head], [item(whole('a/1'))]],
  ['a page for a key', [get], [page()]],
  ['a key for a page', [list], [item(null)]],
  ['a page that is too long', [list], [page(bare('a/1'), bare('a/2'), bare('a/3'))]],
  ['a page of other keys', [list], [page(bare('b/1'))]],
  ['a page from the beginning, for one after a key', [next], [page(bare('a/1'), bare('a/2'))]],
  ['a page in another order', [list], [page(bare('a/2'), bare('a/1'))]],
  ['a page in the order of UTF-16', [list], [page(bare('a/\u{1f600}'), bare('a/\uffee'))]],
  ['a page with a key twice', [list], [page(bare('a/1'), bare('a/1'))]],
  ['a page of nothing, and more of it', [list], [nothingAndMore]],
  ['a page without its values', [values], [page(bare('a/1'))]],
  ['a message that is full of nothing', [get, get], [full, full]],
];
for (const [title, queries, given] of bad) {
  test(`not an answer: ${title}`, (t) => {
    const answer: LinkAnswer = 'type' in given ? given : { type: 'read', replies: given };
    t.is(verdictOn(answer, queries), 'failed');
  });
}

test('no leader confirmed any of the reads', (t) => {
  t.is(verdictOn({ type: 'read', replies: [unavailable, unavailable] }, [get, list]), 'unavailable');
});
