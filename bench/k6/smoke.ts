// Touches every endpoint of the gateway at BASE_URL once per iteration, good requests and bad ones, and checks the answers.
import { check, group } from 'k6';
import http from 'k6/http';

const { BASE_URL = 'http://127.0.0.1:8080' } = __ENV;

export const options = {
  vus: 3,
  iterations: 9,
  thresholds: { checks: ['rate==1'], 'http_req_duration{expected_response:true}': ['p(95)<1000'] },
};

export default function () {
  const prefix = `smoke/${__VU}/${__ITER}/`;
  const key = `${BASE_URL}/v1/kv/${prefix}key`;
  const code = (response) => response.json('code');

  group('kv', () => {
    const created = http.put(key, 'first', { headers: { 'Content-Type': 'text/plain' } });
    check(created, {
      'PUT creates: 201': ({ status }) => status === 201,
      'PUT says version 1': (response) => response.json('version') === 1,
      'PUT says the revision, in the ETag too': (response) =>
        response.headers.Etag === `"${response.json('revision')}"`,
    });
    const etag = created.headers.Etag;
    check(http.get(key), {
      'GET: 200': ({ status }) => status === 200,
      'GET gives the bytes': ({ body }) => body === 'first',
      'GET gives the content type': ({ headers }) => headers['Content-Type'] === 'text/plain',
      'GET gives the ETag': ({ headers }) => headers.Etag === etag,
      'GET says who served it': ({ headers }) => /^r\d/.test(headers['Bazar-Served-By']),
      'GET says what the cache did': ({ headers }) => headers['Cache-Status'].startsWith('bazar;'),
    });
    check(http.head(key), { 'HEAD: 200, no body': ({ status, body }) => status === 200 && !body });
    check(http.get(key, { headers: { 'If-None-Match': etag } }), {
      'GET unchanged: 304': ({ status }) => status === 304,
    });
    check(http.put(key, 'second', { headers: { 'If-Match': etag } }), {
      'PUT if it matches: 200': ({ status }) => status === 200,
    });
    check(http.put(key, 'third', { headers: { 'If-Match': etag } }), {
      'PUT if it no longer matches: 412': ({ status }) => status === 412,
    });
    check(http.put(key, 'third', { headers: { 'If-None-Match': '*' } }), {
      'PUT if it does not exist: 412': ({ status }) => status === 412,
    });
    for (const replica of ['r1', 'r2', 'r3']) {
      check(http.get(`${key}?replica=${replica}`), {
        'GET from one replica': ({ body, headers }) => body === 'second' && headers['Bazar-Served-By'] === replica,
      });
    }
    check(http.get(`${BASE_URL}/v1/kv?prefix=${prefix}&limit=10`), {
      'list: the one item': (response) => response.json('items.#') === 1 && response.json('items.0.value') === 'second',
    });
    check(http.get(`${BASE_URL}/v1/kv?prefix=${prefix}&keysOnly=true`), {
      'list of keys: no value': (response) => response.json('items.0.value') === undefined,
    });
    check(http.del(key), { 'DELETE: 200': ({ status }) => status === 200 });
    check(http.del(key), { 'DELETE of nothing: 404': ({ status }) => status === 404 });
    check(http.get(key), { 'GET of nothing: 404': ({ status }) => status === 404 });
  });

  group('bad input', () => {
    check(http.get(`${BASE_URL}/v1/kv/%FF`), { 'key that is not UTF-8: 400': ({ status }) => status === 400 });
    check(http.get(`${BASE_URL}/v1/kv/${'k'.repeat(1025)}`), { 'long key: 400': ({ status }) => status === 400 });
    check(http.put(key, 'v', { headers: { 'If-Match': 'unquoted' } }), {
      'malformed If-Match: 400': ({ status }) => status === 400,
    });
    check(http.get(`${BASE_URL}/v1/kv?limit=0`), { 'bad limit: 400': ({ status }) => status === 400 });
    check(http.get(`${BASE_URL}/v1/kv?cursor=nonsense`), { 'bad cursor: 400': ({ status }) => status === 400 });
    check(http.get(`${key}?timeout=soon`), { 'bad timeout: 400': ({ status }) => status === 400 });
    check(http.get(`${key}?unknown=1`), {
      'unknown parameter: 400, named': (response) =>
        response.status === 400 && response.json('detail').includes('unknown'),
    });
    check(http.put(key, 'x'.repeat(1024 * 1024 + 1)), { 'large value: 413': ({ status }) => status === 413 });
    check(http.get(`${BASE_URL}/nowhere`), {
      'unknown route: 404, a problem with a code': (response) =>
        response.status === 404 &&
        response.headers['Content-Type'].startsWith('application/problem+json') &&
        !!code(response),
    });
    check(http.post(key, ''), {
      'wrong method: 405 with Allow': ({ status, headers }) => status === 405 && headers.Allow.includes('GET'),
    });
  });

  group('meta', () => {
    check(http.get(`${BASE_URL}/v1/cluster`), {
      'cluster: a leader, three replicas': (response) =>
        /^r\d/.test(response.json('leader')) && response.json('replicas.#') === 3,
    });
    check(http.get(`${BASE_URL}/livez`), { 'livez: 200': ({ status }) => status === 200 });
    check(http.get(`${BASE_URL}/readyz`), { 'readyz: 200': ({ status }) => status === 200 });
    check(http.get(`${BASE_URL}/version`), { 'version: 200': ({ status }) => status === 200 });
    check(http.get(`${BASE_URL}/metrics`), {
      'metrics: requests by route and code': ({ body }) => /bazar_http_requests_total\{.*code="201"/.test(String(body)),
      'metrics: requests per replica': ({ body }) =>
        /bazar_gateway_replica_requests_total\{.*replica="r1"/.test(String(body)),
    });
  });
}
