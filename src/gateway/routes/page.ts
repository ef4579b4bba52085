/** `/`: the shop as a page for browsers, whose files are read once. */
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Router } from '@koa/router';
import { type Answer, answering, type RequestContext, type RequestState } from '../answer.ts';
import { HttpProblem, problemAnswer } from '../errors.ts';
import { parseParameters } from '../parameters.ts';
import { evaluateWeakly, parseTagCondition, weakTag } from '../preconditions.ts';
import { revalidate } from '../reads.ts';

const files = [
  { path: '/', name: 'index.html', type: 'text/html; charset=utf-8' },
  { path: '/style.css', name: 'style.css', type: 'text/css; charset=utf-8' },
  { path: '/page.js', name: 'page.js', type: 'text/javascript; charset=utf-8' },
  { path: '/icon.svg', name: 'icon.svg', type: 'image/svg+xml' },
] as const;

/** Nothing but what stands beside it; no page of others may show it in a frame, and no form leaves it but by its script. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function addPageRoutes(router: Router<RequestState>): void {
  for (const { path, name, type } of files) {
    const body = readFileSync(new URL(`../shop/page/${name}`, import.meta.url));
    const tag = hash('sha256', body, 'base64url').slice(0, tagCharacters);
    router.get(path, path, answering('public', answerWith(body, tag, type)));
  }
}

/** Of the digest, in base64: 132 bits. */
const tagCharacters = 22;

function answerWith(body: Buffer, tag: string, type: string) {
  return (ctx: RequestContext): Answer => {
    parseParameters(ctx.querystring, []);
    const headers = ['ETag', weakTag(tag), 'Content-Security-Policy', policy, 'Referrer-Policy', 'no-referrer'];
    switch (evaluateWeakly(parseTagCondition(ctx.headers), tag)) {
      case 'failed': {
        const detail = 'the page has a weak entity tag, which If-Match never matches; expected If-None-Match';
        return problemAnswer(new HttpProblem('precondition_failed', detail), ctx.method, headers);
      }
      case 'notModified':
        return { status: 304, headers: [...headers, ...revalidate], body: null };
      case 'send':
        return { status: 200, headers: [...headers, 'Content-Type', type, ...revalidate], body };
    }
  };
}
