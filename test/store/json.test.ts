import test from 'ava';
import {
  addTo,
  fieldOf,
  type Json,
  type JsonObject,
  mergePatch,
  parseJson,
  pointer,
  stringifyJson,
  withField,
} from '../../src/store/json.ts';
import { createRandom } from './random.ts';

const json = (text: string): Json => {
  const parsed = parseJson(Buffer.from(text));
  if (parsed.type === 'problem') throw new Error(`${parsed.path}: ${parsed.problem}`);
  return parsed.value;
};

const pathOf = (text: string | Uint8Array): string | null => {
  const parsed = parseJson(Buffer.from(text));
  return parsed.type === 'problem' ? parsed.path : null;
};

const nested = (depth: number, open = '[', close = ']') => open.repeat(depth) + close.repeat(depth);

test('JSON is read as it is written', (t) => {
  t.deepEqual(json(' {"a":[1,-2.5e3,"ß😀",true,null,{}],"b":""} '), { a: [1, -2500, 'ß😀', true, null, {}], b: '' });
  t.is(json('7'), 7);
  t.deepEqual(parseJson(new Uint8Array(Buffer.from('xx[1]xx').buffer, 0, 0)).type, 'problem');
});

test('what is no JSON, or not in UTF-8, is a problem of the whole text', (t) => {
  const texts = ['', '{', '{"a":1,}', 'undefined', '\ufeff{}', "{'a':1}", '[1] 2', 'NaN', '01', '"\u0001"'];
  for (const text of texts) t.is(pathOf(text), '', text);
  t.is(pathOf(Buffer.from([0x22, 0xff, 0x22])), '');
  t.is(pathOf(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])), '', 'a surrogate in UTF-8');
});

test('arrays and objects may be 32 deep, not 33', (t) => {
  t.is(pathOf(nested(32)), null);
  t.is(pathOf(nested(33)), '/0'.repeat(32));
  t.is(pathOf(`${'{"a":'.repeat(32)}1${'}'.repeat(32)}`), null);
  t.is(pathOf(`{"a":${'{"a":'.repeat(32)}1${'}'.repeat(33)}`), '/a'.repeat(32));
  t.is(pathOf(nested(500_000)), '/0'.repeat(32), 'without running out of stack');
});

test('a number that no double holds, and a text that is no Unicode, are named by their path', (t) => {
  t.is(pathOf('{"a":[0,1e309]}'), '/a/1');
  t.is(pathOf('-1e400'), '');
  t.is(pathOf('{"a":{"b":"\\ud800"}}'), '/a/b');
  t.is(pathOf('{"a":{"\\udc00":1}}'), '/a/\udc00');
  t.is(pathOf('{"a":"\\ud83d\\ude00"}'), null, 'a pair is a character');
});

test('a member that is there twice is named, wherever it stands', (t) => {
  t.is(pathOf('{"a":1,"a":2}'), '/a');
  t.is(pathOf('{"x":[0,{"y":":,\\"{"},{"b/c":1,"\\u0062/c":2}]}'), '/x/2/b~1c');
  t.is(pathOf('{"__proto__":1,"__proto__":2}'), '/__proto__');
  t.is(pathOf('[{"a":1},{"a":1}]'), null);
  t.is(pathOf('{"a":{"a":1},"b":":\\\\","c":"\\":"}'), null);
  const long = `{"t":"${'x\\"'.repeat(300_000)}","t":1}`;
  t.is(pathOf(long), '/t', 'beside a long text');
});

test('an integer that a double would round is named by its path, and what a double is written as is not', (t) => {
  const problem = (text: string) => {
    const parsed = parseJson(Buffer.from(text));
    return parsed.type === 'problem' ? parsed.path : null;
  };
  t.is(problem('{"id":"a","list":[1,{"n":9007199254740993}]}'), '/list/1/n');
  t.is(problem('12345678901234567890'), '');
  t.is(problem('[-9007199254740993]'), '/0');
  for (const sound of ['9007199254740991', '9007199254740992', '18446744073709551616', '"9007199254740993"']) {
    t.is(problem(sound), null, sound);
  }
  t.is(problem('[0.12345678901234567890, 1e22, 1.7976931348623157e308]'), null);
  t.is(problem('{"a":"9007199254740993","a":1}'), '/a');
  for (let exponent = 53; exponent < 120; exponent += 1) t.is(problem(JSON.stringify({ n: 2 ** exponent })), null);
});

test('a pointer escapes what RFC 6901 says', (t) => {
  t.is(pointer([]), '');
  t.is(pointer(['a/b', 'm~n', 0, '']), '/a~1b/m~0n/0/');
});

test('members are plain data, whatever they are called', (t) => {
  const value = json('{"__proto__":{"polluted":1},"constructor":2,"toJSON":3}') as JsonObject;
  t.is(Object.getPrototypeOf(value), Object.prototype);
  t.deepEqual(fieldOf(value, '__proto__'), { polluted: 1 });
  t.is(fieldOf(value, 'constructor'), 2);
  t.is(fieldOf(value, 'polluted'), undefined);
  for (const field of ['__proto__', 'constructor', 'toString', 'length']) t.is(fieldOf({}, field), undefined);
  for (const none of [null, 1, 'text', ['a']]) t.is(fieldOf(none, 'length'), undefined);
  t.is(stringifyJson(value).toString(), '{"__proto__":{"polluted":1},"constructor":2,"toJSON":3}');
  const set = withField({ a: 1 }, '__proto__', { b: 2 });
  t.is(stringifyJson(set).toString(), '{"a":1,"__proto__":{"b":2}}');
  t.is(fieldOf(set, 'b'), undefined);
});

test('a merge patch does what the examples of RFC 7396 say', (t) => {
  const examples = [
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', '{}'],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', 'null', 'null'],
    ['{"a":"foo"}', '"bar"', '"bar"'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ['[1,2]', '{"a":"b","c":null}', '{"a":"b"}'],
    ['{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
  ] as const;
  for (const [target, patch, result] of examples) {
    t.is(stringifyJson(mergePatch(json(target), json(patch))).toString(), result, `${target} + ${patch}`);
  }
  t.deepEqual(mergePatch(undefined, { a: null, b: 1 }), { b: 1 });
});

test('a merge patch changes neither side, nor any prototype', (t) => {
  const target = json('{"a":{"b":1},"__proto__":{"x":1}}');
  const patch = json('{"a":{"c":2},"__proto__":{"y":2},"constructor":{"prototype":{"z":3}}}');
  const merged = mergePatch(target, patch);
  t.is(
    stringifyJson(merged).toString(),
    '{"a":{"b":1,"c":2},"__proto__":{"x":1,"y":2},"constructor":{"prototype":{"z":3}}}',
  );
  t.is(stringifyJson(target).toString(), '{"a":{"b":1},"__proto__":{"x":1}}');
  for (const name of ['x', 'y', 'z']) t.false(name in {}, name);
  t.is(stringifyJson(mergePatch({}, json('{"__proto__":null}'))).toString(), '{}');
});

test('a patched value is no deeper than what it was made of', (t) => {
  const deep = json(`${'{"a":'.repeat(31)}{}${'}'.repeat(31)}`);
  const patch = json(`${'{"a":'.repeat(31)}{"b":1}${'}'.repeat(31)}`);
  t.is(parseJson(stringifyJson(mergePatch(deep, patch))).type, 'json');
});

test('what is written is read as the same, and written as the same', (t) => {
  const random = createRandom(5);
  const scalars: readonly Json[] = [
    null,
    true,
    0,
    -1.5,
    5e-324,
    1.7976931348623157e308,
    2 ** 53,
    '',
    '"\\\u2028😀',
    'ß',
  ];
  const value = (depth: number): Json => {
    const kind = depth === 0 ? 0 : random.below(3);
    if (kind === 0) return random.pick(scalars);
    const parts = Array.from({ length: random.below(4) }, () => value(depth - 1));
    if (kind === 1) return parts;
    return Object.fromEntries(parts.map((part) => [random.pick(['a', '__proto__', '10', '2', 'é', '']), part]));
  };
  for (let round = 0; round < 500; round += 1) {
    const written = stringifyJson(value(5));
    t.deepEqual(stringifyJson(json(written.toString())), written);
  }
});

test('a number is added to, within its bounds', (t) => {
  const none = { min: null, max: null };
  t.deepEqual(addTo({ stock: 3, b: 1 }, 'stock', -1, none), { type: 'added', value: { stock: 2, b: 1 }, sum: 2 });
  t.like(addTo({ n: 1 }, 'n', 1, { min: 2, max: 2 }), { type: 'added', sum: 2 });
  t.like(addTo({ n: 1 }, 'n', -2, { min: 0, max: null }), { reason: 'outOfBounds' });
  t.like(addTo({ n: 1 }, 'n', 2, { min: null, max: 2.5 }), { reason: 'outOfBounds' });
  t.like(addTo({ n: 0.5 }, 'n', 0.25, none), { sum: 0.75 });
  t.true(Object.is((addTo({ n: -0 }, 'n', -0, none) as { sum: number }).sum, 0));
  t.deepEqual(addTo(json('{"__proto__":1}'), '__proto__', 1, none), {
    type: 'added',
    value: json('{"__proto__":2}') as JsonObject,
    sum: 2,
  });
});

test('a sum that would be rounded, or is no number, is out of bounds; what has no number has no sum', (t) => {
  const none = { min: null, max: null };
  const most = Number.MAX_SAFE_INTEGER;
  t.like(addTo({ n: most - 1 }, 'n', 1, none), { sum: most });
  t.like(addTo({ n: most }, 'n', 1, none), { reason: 'outOfBounds' });
  t.like(addTo({ n: -most }, 'n', -1, none), { reason: 'outOfBounds' });
  t.like(addTo({ n: 1e308 }, 'n', 1e308, none), { reason: 'outOfBounds' });
  for (const value of [{}, { n: '1' }, { n: null }, { n: [1] }, { m: 1 }]) {
    t.like(addTo(value, 'n', 1, none), { reason: 'notANumber' });
  }
  t.like(addTo({}, 'constructor', 1, none), { reason: 'notANumber' });
  for (const value of [null, 1, 'a', [1]]) t.like(addTo(value, 'n', 1, none), { reason: 'notJson' });
});
