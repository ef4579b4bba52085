import test from 'ava';
import { HttpProblem, type ProblemCode } from '../../../src/gateway/errors.ts';
import { openApiDocument } from '../../../src/gateway/openapi/document.ts';
import { operations } from '../../../src/gateway/openapi/operations.ts';
import { everywhere, guarded } from '../../../src/gateway/openapi/parts.ts';
import { startTestGateway } from '../harness.ts';
import { exampleRequest } from './examples.ts';
import { nameless, routes } from './routes.ts';

function described(): ReadonlyMap<string, string> {
  return new Map(
    operations.flatMap(({ method, path, need }) =>
      (method === 'get' ? ['HEAD', 'GET'] : [method.toUpperCase()]).map(
        (each) => [`${each} ${nameless(path)}`, need] as const,
      ),
    ),
  );
}

test('every route is in the document, and for whom the document says', (t) => {
  const inDocument = described();
  for (const [route, need] of routes()) t.is(inDocument.get(route), need ?? undefined, route);
});

test('every operation of the document has a route', (t) => {
  const known = routes();
  t.deepEqual(
    [...described().keys()].filter((operation) => !known.has(operation)),
    [],
  );
});

test('operations have names of their own', (t) => {
  t.is(new Set(operations.map(({ id }) => id)).size, operations.length);
  t.is(new Set(operations.map(({ method, path }) => `${method} ${path}`)).size, operations.length);
});

test('codes of problems are those of the gateway, and stand under their status', (t) => {
  for (const problems of [everywhere, guarded, ...operations.map((operation) => operation.problems)]) {
    for (const [status, codes] of Object.entries(problems)) {
      for (const code of codes) t.is(new HttpProblem(code as ProblemCode, '').status, Number(status), code);
    }
  }
});

test('examples fit what they are examples of', (t) => {
  for (const operation of operations) t.notThrows(() => exampleRequest(operation), operation.id);
  let examples = 0;
  for (const { query = {}, headers = {}, pathParameters = {}, body } of operations) {
    const schemas = [query, headers, pathParameters, body?.content ?? {}].flatMap((fields) => Object.values(fields));
    for (const schema of schemas) {
      const { example } = schema?.meta() ?? {};
      if (example === undefined) continue;
      examples += 1;
      t.is(schema?.safeParse(example).error?.message, undefined, JSON.stringify(example));
    }
  }
  t.true(examples > 100);
});

test('references lead somewhere', (t) => {
  const document = JSON.stringify(openApiDocument(operations, '1.2.3'));
  const { components } = JSON.parse(document) as { components: { schemas: Record<string, unknown> } };
  const names = [...document.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name = '']) => name);
  t.true(names.length > 100);
  for (const name of names) t.true(Object.hasOwn(components.schemas, name), name);
});

test('the document is given to everybody, with an entity tag', async (t) => {
  const gateway = await startTestGateway(t);
  const first = await gateway.request('GET', '/openapi.json');
  t.is(first.status, 200);
  t.is(first.headers['content-type'], 'application/json');
  t.like(JSON.parse(first.text), { openapi: '3.1.0', info: { title: 'Bazar', version: '1.2.3' } });
  const { etag = '' } = first.headers;
  const again = await gateway.request('GET', '/openapi.json', { headers: { 'If-None-Match': etag } });
  t.is(again.status, 304);
  t.is(again.headers.etag, etag);
  t.is((await gateway.request('GET', '/openapi.json', { headers: { 'If-Match': etag } })).status, 412);
  t.is((await gateway.request('GET', '/openapi.json?a=1')).status, 400);
});

test('a body that is too large is refused with the code that its operation says', (t) => {
  for (const { id, body, problems } of operations) {
    if (body === undefined) continue;
    t.deepEqual(problems[413], [id === 'putKey' ? 'value_too_large' : 'too_large'], id);
  }
});
