// How many reads of keys drawn by Zipf's law the gateway at BASE_URL answers from its cache, as Cache-Status says, while
// some of the requests are writes. Fails below HIT_RATIO_MIN, and if a request fails or an answer is not what was written.
import { check } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Rate } from 'k6/metrics';

const { BASE_URL = 'http://127.0.0.1:8080', DURATION = '20s' } = __ENV;
const keys = number('KEYS', 1000, 1);
const exponent = number('EXPONENT', 0.99, 0);
const writeShare = number('WRITE_SHARE', 0.05, 0, 1);
const vus = number('VUS', 8, 1);
const hitRatioMin = number('HIT_RATIO_MIN', 0.6, 0, 1);
const valueBytes = 200;

const hits = new Rate('cache_hits');

export const options = {
  setupTimeout: '120s',
  scenarios: { load: { executor: 'constant-vus', vus, duration: DURATION } },
  thresholds: {
    cache_hits: [`rate>=${hitRatioMin}`],
    checks: ['rate==1'],
    'http_req_failed{scenario:load}': ['rate==0'],
  },
};

function number(name, byDefault, min, max = Number.MAX_SAFE_INTEGER) {
  const value = Number(__ENV[name] ?? byDefault);
  if (value >= min && value <= max) return value;
  throw new Error(`${name}: expected a number from ${min} to ${max}, got ${__ENV[name]}`);
}

// The share of the draws that fall on a rank or on one before it, for each rank.
const shares = [];
for (let rank = 1, sum = 0; rank <= keys; rank += 1) {
  sum += 1 / rank ** exponent;
  shares.push(sum);
}

function drawKey() {
  const at = Math.random() * shares[keys - 1];
  let low = 0;
  let high = keys - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (shares[middle] > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

const url = (key) => `${BASE_URL}/v1/kv/cache-ratio/${key}`;
// Metrics by key would be as many as there are keys.
const tagged = { tags: { name: '/v1/kv/{key}' } };
const valueFor = (key, text) => `${key} ${text} `.padEnd(valueBytes, '.');

// Every key exists before it is asked for.
export function setup() {
  for (let from = 0; from < keys; from += 50) {
    const batch = [];
    for (let key = from; key < Math.min(from + 50, keys); key += 1) {
      batch.push(['PUT', url(key), valueFor(key, 'first'), tagged]);
    }
    for (const { status, error } of http.batch(batch)) {
      if (status !== 200 && status !== 201) throw new Error(`a key could not be written: status ${status} ${error}`);
    }
  }
}

export default function () {
  const key = drawKey();
  if (Math.random() < writeShare) {
    const written = http.put(url(key), valueFor(key, exec.scenario.iterationInTest), tagged);
    check(written, { 'PUT: 200': ({ status }) => status === 200 });
    return;
  }
  const read = http.get(url(key), tagged);
  check(read, {
    'GET: 200': ({ status }) => status === 200,
    'GET gives a value of this key': ({ body }) => String(body).startsWith(`${key} `) && body.length >= valueBytes,
    'GET says what the cache did': ({ headers }) => (headers['Cache-Status'] ?? '').startsWith('bazar;'),
  });
  hits.add((read.headers['Cache-Status'] ?? '').startsWith('bazar; hit'));
}
