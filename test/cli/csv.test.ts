import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { csvRow, objectText, parseObjectText, readCsv } from '../../src/cli/csv.ts';
import { Failure } from '../../src/cli/failure.ts';
import { temporaryDirectory } from './directory.ts';
import { textOf } from './records.ts';

function read(t: ExecutionContext, content: string | Buffer, key = 'id'): Promise<string[]> {
  const file = join(temporaryDirectory(t), 'file.csv');
  writeFileSync(file, content);
  return textOf(readCsv(file, 'p/', key));
}

const oddities: readonly [string, string, readonly string[]][] = [
  ['a plain row', 'id,t\n1,x\n', ['1 p/1 {"id":"1","t":"x"}']],
  ['no line feed at the end', 'id,t\n1,x', ['1 p/1 {"id":"1","t":"x"}']],
  ['CRLF', 'id,t\r\n1,x\r\n2,y\r\n', ['1 p/1 {"id":"1","t":"x"}', '2 p/2 {"id":"2","t":"y"}']],
  ['mixed line endings', 'id,t\r\n1,x\n2,y\r\n', ['1 p/1 {"id":"1","t":"x"}', '2 p/2 {"id":"2","t":"y"}']],
  ['CR alone', 'id,t\r1,x\r', ['1 p/1 {"id":"1","t":"x"}']],
  ['a byte order mark', '\ufeffid,t\n1,x\n', ['1 p/1 {"id":"1","t":"x"}']],
  ['a byte order mark before a quote', '\ufeff"id",t\n1,x\n', ['1 p/1 {"id":"1","t":"x"}']],
  ['quotes, commas, line breaks', 'id,t\n1,"a ""b"", c\r\nd"\n', ['1 p/1 {"id":"1","t":"a \\"b\\", c\\r\\nd"}']],
  ['empty cells', 'id,t,u\n1,,""\n', ['1 p/1 {"id":"1","t":"","u":""}']],
  ['blank lines', 'id,t\n\n1,x\n\n\n2,y\n\n', ['1 p/1 {"id":"1","t":"x"}', '2 p/2 {"id":"2","t":"y"}']],
  ['spaces stay', 'id,t\n1, x \n', ['1 p/1 {"id":"1","t":" x "}']],
  ['numbers as column names keep their order', 'id,10,2\n1,a,b\n', ['1 p/1 {"id":"1","10":"a","2":"b"}']],
  ['a column named __proto__', 'id,__proto__\n1,x\n', ['1 p/1 {"id":"1","__proto__":"x"}']],
  ['UTF-8', 'id,t\n1,Grüße 😀\n', ['1 p/1 {"id":"1","t":"Grüße 😀"}']],
  ['a header alone', 'id,t\n', []],
  [
    'ragged rows and rows without a key are bad, the others are not',
    'id,t\n1\n2,x,y\n,z\n3,w\n',
    [
      '1 bad: expected 2 cells, got 1',
      '2 bad: expected 2 cells, got 3',
      '3 bad: "id" is empty, and the key comes from it',
      '4 p/3 {"id":"3","t":"w"}',
    ],
  ],
];

for (const [name, content, rows] of oddities) {
  test(name, async (t) => {
    t.deepEqual(await read(t, content), rows);
  });
}

test('a key or a value beyond the limits is bad', async (t) => {
  const rows = await read(t, `id,t\n${'k'.repeat(1023)},x\n1,${'v'.repeat(1024 * 1024)}\n`);
  t.is(rows[0], '1 bad: a key is at most 1024 bytes of UTF-8, got 1025');
  t.is(rows[1], '2 bad: its value has 1048593 bytes, and a value is at most 1048576');
});

const wrong: readonly [string, string | Buffer, RegExp][] = [
  ['an empty file', '', /^it is empty, expected a header row$/],
  ['a column twice', 'id,t,id\n1,x,2\n', /^its header has "id" twice/],
  ['no key column', 'a,b\n1,x\n', /^its header has no "id" for the key; it has a, b$/],
  ['a quote that is never closed', 'id,t\n1,x\n2,"y\n', /^row 2: Quote Not Closed/],
  ['a quote within a cell', 'id,t\n1,x\n2,a"b\n', /^row 2: Invalid Opening Quote/],
  ['Latin-1', Buffer.from('id,t\n1,Gr\xfc\xdfe\n', 'latin1'), /^it is not UTF-8 near byte 0; convert it first/],
  ['UTF-8 cut in the middle', Buffer.from('id,t\n1,ü').subarray(0, -1), /^it is not UTF-8 near byte/],
  ['a cell without end', `id,t\n1,"${'x'.repeat(3 * 1024 * 1024)}"\n`, /^row 1: Max Record Size/],
];

for (const [name, content, message] of wrong) {
  test(`refused: ${name}`, async (t) => {
    await t.throwsAsync(read(t, content), { instanceOf: Failure, message });
  });
}

test('line endings and characters that are cut by a chunk of the file', async (t) => {
  const row = (at: number) => `${at},${'ü"\r\n'.replaceAll('"', '""').repeat(3)}${'x'.repeat(at % 97)}`;
  const count = 3000;
  const content = `id,t\r\n${Array.from({ length: count }, (_, at) => row(at).replace(',', ',"')).join('"\r\n')}"\r\n`;
  t.true(content.length > 2 * 64 * 1024);
  const rows = await read(t, content);
  t.is(rows.length, count);
  for (const [at, text] of rows.entries()) {
    t.is(text, `${at + 1} p/${at} {"id":"${at}","t":"${'ü\\"\\r\\n'.repeat(3)}${'x'.repeat(at % 97)}"}`);
  }
});

test('what is written for a row is read back, and nothing else is', (t) => {
  const columns = ['id', '10', '2', 'a "b"', ''];
  const cells = ['1', 'ü\n', '\\', '"', '\ud83d\ude00'];
  t.deepEqual(parseObjectText(objectText(columns, cells)), { columns, cells });
  const megabyte = objectText(['id'], ['x\\"'.repeat(300_000)]);
  t.is(parseObjectText(megabyte)?.cells[0]?.length, 900_000);
  const others = [
    '{}',
    '',
    '{',
    '[]',
    '"a"',
    'null',
    '{"a":1}',
    '{"a":"b"} ',
    '{ "a":"b"}',
    '{"a":"b","a":"c"}',
    '{"a":"\\u0041"}',
  ];
  for (const text of [...others, '{"a":"b"', '{"a":{"b":"c"}}', '{"a","b":"c":"d"}', '{"a":"b",}']) {
    t.is(parseObjectText(text), null, text);
  }
});

test('rows are quoted where they must be', (t) => {
  t.is(
    csvRow(['a', 'b c', '', 'd,e', 'f"g', 'h\ni', 'j\rk', '\ufeffl']),
    'a,b c,,"d,e","f""g","h\ni","j\rk","\ufeffl"\n',
  );
});
