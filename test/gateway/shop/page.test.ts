import test from 'ava';
import { startTestGateway } from '../harness.ts';

const files = [
  ['/', 'text/html; charset=utf-8'],
  ['/style.css', 'text/css; charset=utf-8'],
  ['/page.js', 'text/javascript; charset=utf-8'],
  ['/icon.svg', 'image/svg+xml'],
] as const;

test('the page and what belongs to it may load nothing but each other, and are sent once', async (t) => {
  const { request } = await startTestGateway(t);
  for (const [path, type] of files) {
    const answer = await request('GET', path);
    t.is(answer.status, 200, path);
    t.is(answer.headers['content-type'], type);
    t.is(
      answer.headers['content-security-policy'],
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    t.is(answer.headers['x-content-type-options'], 'nosniff');
    t.is(answer.headers['cache-control'], 'no-cache');
    const same = await request('GET', path, { headers: { 'If-None-Match': String(answer.headers.etag) } });
    t.deepEqual([same.status, same.text], [304, '']);
    t.is((await request('HEAD', path)).headers['content-length'], String(answer.body.length));
  }
});

test('the page has no script and no style of its own, which the policy would not let it have', async (t) => {
  const { request } = await startTestGateway(t);
  const { text } = await request('GET', '/');
  t.deepEqual(
    [...text.matchAll(/<script\b[^>]*>/g)].map(([tag]) => tag),
    ['<script type="module" src="page.js">'],
  );
  t.notRegex(text, /<style|\sstyle=|\son\w+=/);
  for (const [, target = ''] of text.matchAll(/(?:src|href)="([^"]+)"/g)) {
    t.is((await request('GET', `/${target}`)).status === 404, false, target);
  }
});
