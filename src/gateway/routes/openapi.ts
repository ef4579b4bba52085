/** `/openapi.json`: what this gateway can be asked, and what it answers. */
import { hash } from 'node:crypto';
import type { Router } from '@koa/router';
import { type Answer, answering, type RequestContext, type RequestState } from '../answer.ts';
import { HttpProblem } from '../errors.ts';
import { openApiDocument } from '../openapi/document.ts';
import { operations } from '../openapi/operations.ts';
import { parseParameters } from '../parameters.ts';
import { evaluateWeakly, parseTagCondition, weakTag } from '../preconditions.ts';
import { revalidate } from '../reads.ts';

export const openApiPath = '/openapi.json';

/** Of the digest, in base64: 132 bits. */
const tagCharacters = 22;

export function addOpenApiRoute(router: Router<RequestState>, { version }: { readonly version: string }): void {
  /** Made when it is first asked for: a gateway has better things to do at its start. */
  let made: { readonly body: Buffer; readonly tag: string } | null = null;

  function document(ctx: RequestContext): Answer {
    parseParameters(ctx.querystring, []);
    const condition = parseTagCondition(ctx.headers);
    made ??= write(version);
    const { body, tag } = made;
    const headers = ['ETag', weakTag(tag), ...revalidate];
    switch (evaluateWeakly(condition, tag)) {
      case 'failed': {
        const detail = 'the document has a weak entity tag, which If-Match never matches; expected If-None-Match';
        throw new HttpProblem('precondition_failed', detail);
      }
      case 'notModified':
        return { status: 304, headers, body: null };
      case 'send':
        return { status: 200, headers: ['Content-Type', 'application/json', ...headers], body };
    }
  }

  router.get(openApiPath, openApiPath, answering('public', document));
}

function write(version: string): { readonly body: Buffer; readonly tag: string } {
  const body = Buffer.from(`${JSON.stringify(openApiDocument(operations, version), null, 2)}\n`);
  return { body, tag: hash('sha256', body, 'base64url').slice(0, tagCharacters) };
}
