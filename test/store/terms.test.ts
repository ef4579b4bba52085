import test from 'ava';
import type { JsonObject } from '../../src/store/json.ts';
import { covers, normalText, termCount, termOf, termsOf, termsProblem, wordsOf } from '../../src/store/terms.ts';
import { compareTexts } from '../../src/store/text-order.ts';
import type { FieldTerms, IndexKind } from '../../src/store/transaction.ts';
import { createRandom } from './random.ts';

const index = (field: string, kind: IndexKind) => ({ field, kind });
const terms = (value: unknown, kind: IndexKind) =>
  termsOf({ f: value } as JsonObject, [index('f', kind)])[0]?.terms ?? 'none';

test('texts that differ in case, width, white space or composition alone have one normal form', (t) => {
  const same = [
    ['Distributed  Systems', ' distributed\n\tsystems '],
    ['STRASSE', 'straße', 'STRAẞE'],
    ['ΟΔΟΣ', 'οδος', 'οδοσ'],
    ['Café', 'cafe\u0301', 'CAFE\u0301'],
    ['ﬁn', 'FIN'],
    ['１２', '12'],
    ['İ', 'i\u0307'],
    ['ǰ', 'J\u030c'],
    ['a\u00a0b', 'a b', 'a\u3000b'],
  ] as const;
  for (const [first, ...others] of same) {
    for (const other of others) t.is(normalText(other), normalText(first), `${first} ${other}`);
  }
  t.not(normalText('é'), normalText('e'), 'marks count');
  t.is(normalText('東京 😀'), '東京 😀');
  t.is(normalText('a\ud800'), 'a\ufffd');
  t.is(normalText(' \n '), '');
});

test('a normal form is its own normal form, whatever the character', (t) => {
  const unstable: string[] = [];
  const changing: string[] = [];
  for (let code = 0; code < 0x40000; code += 1) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const text = `a${String.fromCodePoint(code)}`;
    const normal = normalText(text);
    if (normalText(normal) !== normal) unstable.push(code.toString(16));
    if (normal !== text || /\p{M}/u.test(text)) changing.push(text.slice(1));
  }
  const random = createRandom(3);
  for (let round = 0; round < 20_000; round += 1) {
    const text = Array.from({ length: 4 }, () => random.pick(changing)).join('');
    const normal = normalText(text);
    if (normalText(normal) !== normal) unstable.push(text);
  }
  t.deepEqual(unstable, []);
});

test('of a run of marks the first thirty count, and a long one costs no more than its length', (t) => {
  const long = `a${'\u0301\u0323'.repeat(100_000)}b`;
  t.is(normalText(long), normalText(`a${'\u0301\u0323'.repeat(15)}b`));
  t.is(normalText(normalText(long)), normalText(long));
  t.true(normalText(`か${'\uff9e\u0323'.repeat(100_000)}`).length < 40, 'what becomes a mark is one');
  const twofold = `a${'\u0344'.repeat(100)}`;
  t.is(normalText(normalText(twofold)), normalText(twofold), 'what becomes two marks is two');
  t.is(normalText(`${'\u0301'.repeat(30)}`), normalText('\u0301'.repeat(31)));
});

test('words are runs of letters, marks and digits', (t) => {
  t.deepEqual(wordsOf("How to finish: Project 3, on time – don't"), [
    'how',
    'to',
    'finish',
    'project',
    '3',
    'on',
    'time',
    'don',
    't',
  ]);
  t.deepEqual(wordsOf('नमस्ते दुनिया'), ['नमस्ते', 'दुनिया'], 'marks belong to their letters');
  t.deepEqual(wordsOf('分布式系统，第二版'), ['分布式系统', '第二版']);
  t.deepEqual(wordsOf('❤️ 😀 … \u0301'), [], 'signs are no words, nor are marks by themselves');
  t.deepEqual(wordsOf('the The THE'), ['the']);
  t.deepEqual(wordsOf('Straße STRASSE İstanbul'), ['strasse', 'i\u0307stanbul']);
});

test('terms are cut at 256 bytes, at a character', (t) => {
  t.is(termOf('a'.repeat(256)), 'a'.repeat(256));
  t.is(termOf('a'.repeat(257)), 'a'.repeat(256));
  t.is(termOf(`${'a'.repeat(255)}é`), 'a'.repeat(255));
  t.is(termOf(`${'a'.repeat(254)}éa`), `${'a'.repeat(254)}é`);
  t.is(termOf(`${'a'.repeat(253)}😀`), 'a'.repeat(253));
  t.is(termOf('東'.repeat(100)), '東'.repeat(85));
  t.is(termOf(`${'a'.repeat(255)} b`), 'a'.repeat(255), 'and not behind a space');
  t.is(termOf(`${termOf(`${'a'.repeat(255)} b`)}`), 'a'.repeat(255));
  t.deepEqual(wordsOf(`x ${'b'.repeat(300)}`), ['x', 'b'.repeat(256)]);
});

test('a field has the terms of its text, or of each in its array, ascending, none twice', (t) => {
  t.deepEqual(terms('Distributed Systems', 'term'), ['distributed systems']);
  t.deepEqual(terms(['b', 'A', 'B '], 'term'), ['a', 'b']);
  t.deepEqual(terms(['Two words', 'two more'], 'words'), ['more', 'two', 'words']);
  t.deepEqual(terms('', 'term'), ['']);
  t.deepEqual(terms('', 'words'), []);
  t.deepEqual(terms(10, 'number'), [10]);
  t.deepEqual(terms([10, -0, 9, 0, 10, -1.5], 'number'), [-1.5, 0, 9, 10]);
  t.true(Object.is(terms(-0, 'number')[0], 0));
  t.deepEqual(terms(['\ue000', '😀', 'z'], 'term'), ['z', '\ue000', '😀'], 'by UTF-8, not by UTF-16');
});

test('what an index cannot take has no terms: the field is listed if it is there at all', (t) => {
  for (const kind of ['term', 'words'] as const) {
    for (const value of [null, 1, true, { a: 'b' }, [], [1, ['a']]]) t.deepEqual(terms(value, kind), []);
  }
  for (const value of [null, '1', false, {}, ['1']]) t.deepEqual(terms(value, 'number'), []);
  const indexes = [index('b', 'term'), index('a', 'number'), index('b', 'words'), index('constructor', 'term')];
  t.deepEqual(termsOf({ a: null, b: 'X y', c: 'z' }, indexes), [
    { field: 'b', kind: 'term', terms: ['x y'] },
    { field: 'a', kind: 'number', terms: [] },
    { field: 'b', kind: 'words', terms: ['x', 'y'] },
  ]);
  const odd = JSON.parse('{"__proto__":"A"}');
  t.deepEqual(termsOf(odd, [index('__proto__', 'term')]), [{ field: '__proto__', kind: 'term', terms: ['a'] }]);
});

test('of a long list or text, the first different ones are indexed', (t) => {
  const many = Array.from({ length: 3000 }, (_, at) => `w${at}`);
  const listed = terms(['w0', ...many], 'term') as string[];
  t.is(listed.length, 256);
  t.true(listed.includes('w255'));
  t.is(
    (
      terms(
        many.map((_, at) => at),
        'number',
      ) as number[]
    ).at(-1),
    255,
  );
  const words = terms(many.join(' '), 'words') as string[];
  t.is(words.length, 1000);
  t.true(words.includes('w999'));
  t.deepEqual(terms([many.slice(0, 999).join(' '), 'w0 x y'], 'words').length, 1000);
});

test('texts compare as their bytes in UTF-8 do', (t) => {
  const random = createRandom(8);
  const characters = ['a', 'b', '', '\u0000', 'é', '東', '\ue000', '\uffff', '😀', '\u{10ffff}'];
  const text = () => Array.from({ length: random.below(5) }, () => random.pick(characters)).join('');
  for (let round = 0; round < 5000; round += 1) {
    const [a, b] = [text(), text()];
    t.is(Math.sign(compareTexts(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }
});

test('a value that an index cannot take is named by its path', (t) => {
  const indexes = [index('topic', 'term'), index('title', 'words'), index('price', 'number')];
  const problem = (value: JsonObject) => termsProblem(value, indexes);
  t.is(problem({ topic: 'a', title: ['b', 'c'], price: [1, 2] }), null);
  t.is(problem({ topic: null, other: 7 }), null);
  t.like(problem({ topic: 7 }), { path: '/topic' });
  t.regex(problem({ topic: 7 })?.problem ?? '', /indexed as text: expected a text/);
  t.like(problem({ title: ['a', 1] }), { path: '/title/1' });
  t.like(problem({ title: ['a', null] }), { path: '/title/1' });
  t.like(problem({ title: {} }), { path: '/title' });
  t.like(problem({ price: '7' }), { path: '/price' });
  t.like(termsProblem({ 'a/b': true }, [index('a/b', 'number')]), { path: '/a~1b' });
});

test('a document with more terms than one may have is refused, not cut', (t) => {
  const words = Array.from({ length: 1000 }, (_, at) => `w${at}`).join(' ');
  const indexes = [index('a', 'words'), index('b', 'term')];
  const list = Array.from({ length: 25 }, (_, at) => `t${at}`);
  t.is(termsProblem({ a: words, b: list.slice(1) }, indexes), null);
  t.regex(termsProblem({ a: words, b: list }, indexes)?.problem ?? '', /at most 1024 index terms, this one has 1025/);
  t.is(termCount(termsOf({ a: words, b: list }, indexes)), 1025);
});

test('known terms cover the stored ones if none is missing', (t) => {
  const of = (field: string, kind: IndexKind, ...list: (string | number)[]): FieldTerms => ({
    field,
    kind,
    terms: list,
  });
  t.true(covers([], []));
  t.true(covers([of('a', 'term', 'x', 'y'), of('b', 'number', 1)], [of('a', 'term', 'x')]));
  t.true(covers([], [of('a', 'term')]));
  t.false(covers([], [of('a', 'term', 'x')]));
  t.false(covers([of('a', 'term', 'x')], [of('a', 'term', 'x', 'y')]));
  t.false(covers([of('a', 'words', 'x')], [of('a', 'term', 'x')]), 'of another kind');
  t.false(covers([of('b', 'term', 'x')], [of('a', 'term', 'x')]), 'of another field');
  t.false(covers([of('a', 'number', 1)], [of('a', 'number', 1, 2)]));
});
