import { mkdtemp, rm } from 'node:fs/promises';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { isAlive } from '../cluster/dev.ts';
import { waitFor } from '../cluster/wait.ts';
import { stepsOf } from './page.ts';
import { type Place, runPage } from './run-page.ts';

const fence = (language: string, text: string): string => `\n\`\`\`${language}\n${text}\n\`\`\`\n`;

async function complaintsOf(t: ExecutionContext, page: string, place: Partial<Place> = {}): Promise<readonly string[]> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'bazar-page-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  return await runPage(stepsOf(page), { directory, names: {}, ...place });
}

test('a page that is right has no complaints: files, variables and functions last from block to block', async (t) => {
  const page = [
    fence('sh', "NAME='a b'\nsay() { echo $NAME; }\ncat >file <<'end'\none\ntwo\nend"),
    fence('sh', 'say; cat file; echo oops >&2'),
    fence('text', 'a b\none\ntwo\noops'),
  ];
  t.deepEqual(await complaintsOf(t, page.join('')), []);
});

test('what is printed otherwise is a complaint with its line, and what follows is still run', async (t) => {
  const page = `${fence('sh', 'echo a')}${fence('text', 'b')}${fence('sh', 'echo c')}${fence('text', 'd')}`;
  const complaints = await complaintsOf(t, page);
  t.is(complaints.length, 2);
  t.regex(complaints[0] ?? '', /^line 2: line 6 is not what is printed: expected the line b, got the line a/);
  t.regex(complaints[1] ?? '', /^line 10: line 14 is not what is printed: expected the line d, got the line c/);
});

test('a command that fails is a complaint, in the middle of a block too, and ends the page', async (t) => {
  const page = `${fence('sh', 'echo a\nfalse\necho b')}${fence('text', 'a\nb')}${fence('sh', 'false')}`;
  const complaints = await complaintsOf(t, page);
  t.is(complaints.length, 1);
  t.regex(complaints[0] ?? '', /^line 2: ended with code 1: .*\na\n$/s);
});

test('a command that does not end is killed with all that it has started, and is a complaint', async (t) => {
  const [complaint = ''] = await complaintsOf(t, fence('sh', 'echo $$\nsleep 1000'), { timeoutMs: 500 });
  t.regex(complaint, /^line 2: did not end within 500 ms/);
  const pid = Number(complaint.trim().split('\n').at(-1));
  t.true(pid > 1, complaint);
  await waitFor(() => !isAlive(-pid), { description: 'all that it has started to end' });
});

test('a request that is refused is a complaint, unless the page shows the refusal', async (t) => {
  const server = http.createServer((_, response) => response.writeHead(409).end('no'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const names = { '127.0.0.1:8080': `127.0.0.1:${(server.address() as AddressInfo).port}` };
  const ask = fence('sh', 'curl -i http://127.0.0.1:8080/');
  const [complaint = ''] = await complaintsOf(t, ask, { names });
  t.regex(complaint, /^line 2: ended with code 22: .*127\.0\.0\.1:8080/s);
  t.deepEqual(await complaintsOf(t, `${ask}${fence('http', 'HTTP/1.1 409 Conflict\n\nno')}`, { names }), []);
  const [other = ''] = await complaintsOf(t, `${fence('sh', 'true')}${ask}${fence('http', 'HTTP/1.1 200 OK\n\nno')}`, {
    names,
  });
  t.regex(other, /expected HTTP\/1.1 200 OK, got HTTP\/1.1 409 Conflict/);
});

test('a second terminal runs on beside the page, and shows later what came later', async (t) => {
  const mark = '\n<!-- terminal: second -->';
  const begun = `${mark}${fence('sh', 'echo begun\nuntil [ -e go ]; do sleep 0.01; done\necho gone\nsleep 1000')}`;
  const page = (gone: string) => `${begun}${fence('sh', 'touch go')}${mark}${fence('text', `begun\n${gone}`)}`;
  t.deepEqual(await complaintsOf(t, page('gone')), []);
  const complaints = await complaintsOf(t, page('there'), { timeoutMs: 500 });
  t.is(complaints.length, 1);
  t.regex(complaints[0] ?? '', /terminal "second" does not show this: expected the line there, got the line gone/);
});

test('a program for Node.js is run, with the client under the name of its package', async (t) => {
  const page = `${fence('ts', 'const a: number = 1;\nconsole.log(a);')}${fence('text', '1')}`;
  t.deepEqual(await complaintsOf(t, page), []);
});

test('names stand for what they are here, in commands and in what is printed', async (t) => {
  const page = (printed: string) => `${fence('sh', 'echo there; echo $WHAT')}${fence('text', printed)}`;
  const place = { names: { there: 'here' }, environment: { WHAT: 'over here' } };
  t.deepEqual(await complaintsOf(t, page('there\nover there'), place), []);
  t.is((await complaintsOf(t, page('here\nover here'), place)).length, 1);
});
