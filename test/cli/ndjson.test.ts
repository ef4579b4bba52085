import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { readNdjson } from '../../src/cli/ndjson.ts';
import { temporaryDirectory } from './directory.ts';
import { textOf } from './records.ts';

function read(t: ExecutionContext, content: string | Buffer): Promise<string[]> {
  const file = join(temporaryDirectory(t), 'file.ndjson');
  writeFileSync(file, content);
  return textOf(readNdjson(file, 'p/', 'id'));
}

const oddities: readonly [string, string | Buffer, readonly string[]][] = [
  [
    'lines are stored as they are',
    '{"id":"1"}\n {"t": 1.0 , "id":"2"}\t\n',
    ['1 p/1 {"id":"1"}', '2 p/2  {"t": 1.0 , "id":"2"}\t'],
  ],
  ['no line feed at the end', '{"id":"1"}', ['1 p/1 {"id":"1"}']],
  ['CRLF', '{"id":"1"}\r\n{"id":"2"}\r\n', ['1 p/1 {"id":"1"}', '2 p/2 {"id":"2"}']],
  ['a byte order mark', '\ufeff{"id":"1"}\n', ['1 p/1 {"id":"1"}']],
  ['blank lines count as lines', '\n{"id":"1"}\n  \n\r\n{"id":"2"}\n', ['2 p/1 {"id":"1"}', '5 p/2 {"id":"2"}']],
  ['whole numbers make keys', '{"id":7}\n{"id":-1}\n', ['1 p/7 {"id":7}', '2 p/-1 {"id":-1}']],
  ['an empty file', '', []],
];

for (const [name, content, rows] of oddities) {
  test(name, async (t) => {
    t.deepEqual(await read(t, content), rows);
  });
}

const noKey = '1 bad: its "id" is not a string or whole number, and the key comes from it';
const wrong: readonly [string, string | Buffer, string][] = [
  ['no JSON', '{"id":', '1 bad: it is not a JSON object'],
  ['no object', '["id"]', '1 bad: it is not a JSON object'],
  ['null', 'null', '1 bad: it is not a JSON object'],
  ['a byte order mark in the second line', '\n\ufeff{"id":"1"}', '2 bad: it is not a JSON object'],
  ['no field', '{"key":"1"}', noKey],
  ['an inherited field', '{"toString":"1"}', noKey],
  ['an empty field', '{"id":""}', noKey],
  ['a fraction', '{"id":1.5}', noKey],
  ['a number that would not come back', '{"id":12345678901234567890}', noKey],
  ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), '1 bad: it is not UTF-8'],
  ['a key too long', `{"id":"${'k'.repeat(1023)}"}`, '1 bad: a key is at most 1024 bytes of UTF-8, got 1025'],
];

for (const [name, content, row] of wrong) {
  test(`bad: ${name}`, async (t) => {
    t.deepEqual(await read(t, content), [row]);
  });
}

test('a line of the largest value is taken, a longer one is bad, the next one is read', async (t) => {
  const line = (bytes: number) => `{"id":"1","t":"${'x'.repeat(bytes - 17)}"}`;
  const largest = 1024 * 1024;
  const rows = await read(t, `${line(largest)}\r\n${line(largest + 1)}\n${'y'.repeat(5 * largest)}\n{"id":"2"}\n`);
  t.is(rows.length, 4);
  t.is(rows[0], `1 p/1 ${line(largest)}`);
  t.is(rows[1], '2 bad: its value has 1048577 bytes, and a value is at most 1048576');
  t.is(rows[2], '3 bad: it is longer than a value may be, 1048576 bytes');
  t.is(rows[3], '4 p/2 {"id":"2"}');
});
