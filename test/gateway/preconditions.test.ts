import test from 'ava';
import { evaluateRead, parsePrecondition } from '../../src/gateway/preconditions.ts';
import { startTestGateway } from './harness.ts';

const wellFormed = [
  ['*', '*', '*'],
  [' * ', '*', '*'],
  ['"1"', [1], [1]],
  ['"1","2"', [1, 2], [1, 2]],
  ['"1" ,\t"2"', [1, 2], [1, 2]],
  [', "1", ,"2",', [1, 2], [1, 2]],
  ['W/"1"', [], [1]],
  ['W/"1", "2"', [2], [1, 2]],
  ['"abc"', [], []],
  ['""', [], []],
  ['"0"', [], []],
  ['"01"', [], []],
  ['"-1"', [], []],
  ['"99999999999999999999"', [], []],
  ['"a,b", "3"', [3], [3]],
] as const;

for (const [text, strong, weak] of wellFormed) {
  test(`the tags ${JSON.stringify(text)} are compared strongly as ${JSON.stringify(strong)}, weakly as ${JSON.stringify(weak)}`, (t) => {
    const precondition = parsePrecondition({ 'if-match': text, 'if-none-match': text });
    t.deepEqual(precondition as unknown, { ifMatch: strong, ifNoneMatch: weak });
  });
}

const malformed = [
  '',
  ' ',
  ',',
  '1',
  '"1',
  '1"',
  '"1" "2"',
  '*, "1"',
  '"1", *',
  'w/"1"',
  'W/1',
  '"1"x',
  "'1'",
  '**',
  '"a b"',
];

for (const text of malformed) {
  test(`the tags ${JSON.stringify(text)} are a 400 that names the header`, async (t) => {
    const gateway = await startTestGateway(t);
    for (const header of ['If-Match', 'If-None-Match']) {
      const response = await gateway.request('PUT', '/v1/kv/a', { headers: { [header]: text } });
      t.is(response.status, 400);
      t.true(response.text.includes(`${header}:`), response.text);
    }
    t.deepEqual(gateway.client.writes, []);
  });
}

test('more tags than a command holds are a 400', async (t) => {
  const gateway = await startTestGateway(t);
  const tags = Array.from({ length: 65 }, (_, at) => `"${at + 1}"`);
  const put = (count: number) =>
    gateway.request('PUT', '/v1/kv/a', { headers: { 'If-None-Match': tags.slice(0, count).join() } });
  t.is((await put(64)).status, 201);
  t.is((await put(65)).status, 400);
});

test('two If-Match headers are one list', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/a');
  t.is((await gateway.request('PUT', '/v1/kv/a', { headers: { 'If-Match': ['"9"', '"1"'] } })).status, 200);
});

test('If-Match is evaluated before If-None-Match', (t) => {
  t.is(evaluateRead({ ifMatch: [2], ifNoneMatch: [1] }, 1), 'failed');
  t.is(evaluateRead({ ifMatch: [1], ifNoneMatch: [1] }, 1), 'notModified');
  t.is(evaluateRead({ ifMatch: '*', ifNoneMatch: [2] }, 1), 'send');
  t.is(evaluateRead({ ifMatch: null, ifNoneMatch: '*' }, 1), 'notModified');
});
