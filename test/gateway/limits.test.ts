import test from 'ava';
import { startTestGateway } from './harness.ts';

const head = (method: string, path: string, ...headers: string[]) =>
  [`${method} ${path} HTTP/1.1`, 'Host: a', ...headers, '', ''].join('\r\n');

test('a declared body above the limit is a 413 before it is sent', async (t) => {
  const gateway = await startTestGateway(t);
  const connection = await gateway.open();
  connection.write(head('PUT', '/v1/kv/a', 'Content-Length: 1048577'));
  t.regex(await connection.until('\r\n\r\n'), /^HTTP\/1.1 413 /);
  t.deepEqual(gateway.client.writes, []);
});

test('a client that asks whether it may send hears no for what is too large, and yes for what is not', async (t) => {
  const gateway = await startTestGateway(t);
  const refused = await gateway.open();
  refused.write(head('PUT', '/v1/kv/a', 'Content-Length: 1048577', 'Expect: 100-continue'));
  t.regex(await refused.until('\r\n\r\n'), /^HTTP\/1.1 413 /);
  const bad = await gateway.open();
  bad.write(head('PUT', '/v1/kv/%', 'Content-Length: 2', 'Expect: 100-continue'));
  t.regex(await bad.until('\r\n\r\n'), /^HTTP\/1.1 400 /);
  const accepted = await gateway.open();
  accepted.write(head('PUT', '/v1/kv/a', 'Content-Length: 2', 'Expect: 100-continue'));
  t.is(await accepted.until('\r\n\r\n'), 'HTTP/1.1 100 Continue\r\n\r\n');
  accepted.write('hi');
  t.regex(await accepted.until('"version"'), /HTTP\/1.1 201 /);
});

test('a chunked body is cut off with 413 where it passes the limit', async (t) => {
  const gateway = await startTestGateway(t, { bodyBytesMax: 10 });
  const connection = await gateway.open();
  connection.write(head('PUT', '/v1/kv/a', 'Transfer-Encoding: chunked'));
  connection.write('a\r\n0123456789\r\n');
  connection.write('1\r\nx\r\n');
  t.regex(await connection.until('value_too_large'), /^HTTP\/1.1 413 /);
  t.deepEqual(gateway.client.writes, []);
});

test('a chunked body of exactly the limit is stored', async (t) => {
  const gateway = await startTestGateway(t, { bodyBytesMax: 10 });
  const response = await gateway.request('PUT', '/v1/kv/a', {
    body: '0123456789',
    headers: { 'Transfer-Encoding': 'chunked' },
  });
  t.is(response.status, 201);
  t.is((await gateway.request('GET', '/v1/kv/a')).text, '0123456789');
});

test('a refused body that goes on is read no further than its bound', async (t) => {
  const gateway = await startTestGateway(t, { bodyBytesMax: 10, discardBytesMax: 100_000 });
  const connection = await gateway.open();
  connection.write(head('PUT', '/v1/kv/a', 'Transfer-Encoding: chunked'));
  const flood = setInterval(() => connection.write(`2710\r\n${'x'.repeat(10_000)}\r\n`), 1);
  const answer = await connection.closed();
  clearInterval(flood);
  t.regex(answer, /^HTTP\/1.1 413 /);
});

test('after a refused body that ends, the connection serves the next request', async (t) => {
  const gateway = await startTestGateway(t, { bodyBytesMax: 10 });
  const connection = await gateway.open();
  connection.write(`${head('PUT', '/v1/kv/a', 'Content-Length: 1000')}${'x'.repeat(1000)}`);
  await connection.until('value_too_large');
  connection.write(head('GET', '/version'));
  t.regex(await connection.until('1.2.3'), /413 .* 200 OK/s);
});

test('a body that stops arriving is a 408', async (t) => {
  const gateway = await startTestGateway(t, { headersTimeoutMs: 200, requestTimeoutMs: 400 });
  const connection = await gateway.open();
  connection.write(`${head('PUT', '/v1/kv/a', 'Content-Length: 10')}half`);
  t.regex(await connection.closed(), /^HTTP\/1.1 408 /);
  t.deepEqual(gateway.client.writes, []);
});

test('a header that never ends is a 408', async (t) => {
  const gateway = await startTestGateway(t, { headersTimeoutMs: 200 });
  const connection = await gateway.open();
  connection.write('GET /v1/kv/a HTTP/1.1\r\nHost: a\r\n');
  const drip = setInterval(() => connection.write('X: y\r\n'), 10);
  const answer = await connection.closed();
  clearInterval(drip);
  t.regex(answer, /^HTTP\/1.1 408 /);
});

test('a header above the limit is a 431', async (t) => {
  const gateway = await startTestGateway(t);
  const connection = await gateway.open();
  connection.write(head('GET', '/v1/kv/a', `X: ${'y'.repeat(17 * 1024)}`));
  t.regex(await connection.closed(), /^HTTP\/1.1 431 /);
});

test('of thousands of headers none is lost', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/a');
  const connection = await gateway.open();
  const many = Array.from({ length: 3000 }, () => 'A:');
  connection.write(head('PUT', '/v1/kv/a', ...many, 'If-Match: "9"', 'Content-Length: 0', 'Connection: close'));
  t.regex(await connection.closed(), /^HTTP\/1.1 412 /);
});

test('a URL above the limit is a 414', async (t) => {
  const gateway = await startTestGateway(t);
  const response = await gateway.request('GET', `/v1/kv/a?${'x'.repeat(8 * 1024)}`);
  t.is(response.status, 414);
});

test('what is not HTTP is a 400', async (t) => {
  const gateway = await startTestGateway(t);
  for (const garbage of ['hello\r\n\r\n', 'GET /v1/kv/a HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n']) {
    const connection = await gateway.open();
    connection.write(garbage);
    t.regex(await connection.closed(), /^HTTP\/1.1 400 /);
  }
});

test('a request with two lengths is a 400', async (t) => {
  const gateway = await startTestGateway(t);
  const connection = await gateway.open();
  connection.write(head('PUT', '/v1/kv/a', 'Content-Length: 1', 'Transfer-Encoding: chunked'));
  t.regex(await connection.closed(), /^HTTP\/1.1 400 /);
  t.deepEqual(gateway.client.writes, []);
});

test('garbage behind a write that is under way is never its answer', async (t) => {
  const gateway = await startTestGateway(t);
  gateway.client.writeOutcome = new Promise(() => {});
  const connection = await gateway.open();
  connection.write(`${head('PUT', '/v1/kv/a', 'Content-Length: 0')}garbage\r\n\r\n`);
  t.is(await connection.closed(), '');
  t.is(gateway.client.writes.length, 1);
});

test('pipelined requests are handled and answered in their order, one at a time', async (t) => {
  const gateway = await startTestGateway(t, { requestsInFlightMax: 1 });
  const connection = await gateway.open();
  const put = `${head('PUT', '/v1/kv/a', 'Content-Length: 1')}1`;
  connection.write(put + head('GET', '/v1/kv/a') + head('DELETE', '/v1/kv/a', 'Connection: close'));
  const statuses = [...(await connection.closed()).matchAll(/HTTP\/1.1 (\d+)/g)].map(([, status]) => status);
  t.deepEqual(statuses, ['201', '200', '200']);
});

test('what is sent behind a request whose answer closes the connection is not done', async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.request('PUT', '/v1/kv/a', { body: 'one' });
  const closing = [
    'GET /v1/kv/a HTTP/1.1\r\n\r\n',
    // A 304 has no length, without which old clients are told the end by closing.
    'GET /v1/kv/a HTTP/1.0\r\nConnection: keep-alive\r\nIf-None-Match: *\r\n\r\n',
  ];
  for (const first of closing) {
    const connection = await gateway.open();
    connection.write(first + head('PUT', '/v1/kv/b', 'Content-Length: 0') + head('GET', '/v1/kv/b'));
    t.regex(await connection.closed(), /^HTTP\/1.1 (400|304) .*Connection: close/s);
  }
  t.is(gateway.client.writes.length, 1);
  t.like(gateway.client.writes, [{ write: { key: 'a' } }]);
});

test('what is sent behind a request that Node itself refuses is answered in its turn', async (t) => {
  const gateway = await startTestGateway(t);
  const connection = await gateway.open();
  connection.write(head('GET', '/v1/kv/a', 'Expect: much') + head('GET', '/v1/kv/a', 'Connection: close'));
  const statuses = [...(await connection.closed()).matchAll(/HTTP\/1.1 (\d+)/g)].map(([, status]) => status);
  t.deepEqual(statuses, ['417', '404']);
});

test('too many requests sent ahead close the connection, and none of them reaches the store', async (t) => {
  const gateway = await startTestGateway(t, { requestsAheadMax: 2 });
  gateway.client.writeOutcome = new Promise(() => {});
  const connection = await gateway.open();
  connection.write(head('PUT', '/v1/kv/a', 'Content-Length: 0') + head('GET', '/v1/kv/a').repeat(3));
  t.is(await connection.closed(), '');
  t.is(gateway.client.writes.length, 1);
  t.deepEqual(gateway.client.reads, []);
});

for (const end of ['is answered', 'is given up'] as const) {
  test(`requests sent ahead are bounded over all connections; there is room again when one ${end}`, async (t) => {
    const gateway = await startTestGateway(t, { requestsAheadOfAllMax: 1 });
    const { promise, resolve } = Promise.withResolvers<{ type: 'noLeader' }>();
    gateway.client.writeOutcome = promise;
    const put = head('PUT', '/v1/kv/a', 'Content-Length: 0');
    const first = await gateway.open();
    first.write(put + put);
    while (gateway.client.writes.length === 0) await new Promise(setImmediate);
    const answersToTwo = async () => {
      const connection = await gateway.open();
      connection.write(head('GET', '/v1/kv/a') + head('GET', '/v1/kv/a', 'Connection: close'));
      return await connection.closed();
    };
    t.is(await answersToTwo(), '');
    if (end === 'is answered') resolve({ type: 'noLeader' });
    else first.socket.destroy();
    let answers = '';
    while (answers === '') answers = await answersToTwo();
    t.is(answers.split('HTTP/1.1 404').length, 3);
  });
}

test('a coded body is a 415', async (t) => {
  const gateway = await startTestGateway(t);
  const gzip = await gateway.request('PUT', '/v1/kv/a', { body: 'x', headers: { 'Content-Encoding': 'gzip' } });
  t.is(gzip.status, 415);
  const connection = await gateway.open();
  connection.write(`${head('PUT', '/v1/kv/a', 'Transfer-Encoding: gzip, chunked', 'Connection: close')}0\r\n\r\n`);
  t.regex(await connection.closed(), /^HTTP\/1.1 415 /);
  t.deepEqual(gateway.client.writes, []);
});

test('a malformed Content-Type is a 400 that names it', async (t) => {
  const gateway = await startTestGateway(t);
  for (const type of [
    'text',
    'text/',
    '/plain',
    'text/plain, text/html',
    'te xt/plain',
    'text/plain;\ta=b',
    `text/${'x'.repeat(252)}`,
  ]) {
    const response = await gateway.request('PUT', '/v1/kv/a', { body: 'x', headers: { 'Content-Type': type } });
    t.is(response.status, 400, type);
    t.regex(response.text, /Content-Type/);
  }
  t.deepEqual(gateway.client.writes, []);
});

test('a part of a value cannot be put', async (t) => {
  const gateway = await startTestGateway(t);
  const headers = { 'Content-Range': 'bytes 0-0/2' };
  t.is((await gateway.request('PUT', '/v1/kv/a', { body: 'x', headers })).status, 400);
});

test('requests above the bound in flight are a 429, and there is room again when one ends', async (t) => {
  const gateway = await startTestGateway(t, { requestsInFlightMax: 1 });
  const { promise, resolve } = Promise.withResolvers<{ type: 'noLeader' }>();
  gateway.client.writeOutcome = promise;
  const first = await gateway.open();
  first.write(head('PUT', '/v1/kv/a', 'Content-Length: 0'));
  while (gateway.client.writes.length === 0) await new Promise(setImmediate);
  const second = await gateway.request('PUT', '/v1/kv/b');
  t.is(second.status, 429);
  t.regex(second.text, /"overloaded".*"not_applied"/);
  t.is((await gateway.request('GET', '/livez')).status, 200);
  resolve({ type: 'noLeader' });
  await first.until('no_leader');
  gateway.client.writeOutcome = null;
  t.is((await gateway.request('PUT', '/v1/kv/b')).status, 201);
  t.is(gateway.client.writes.length, 2);
});

test('body bytes above the bound in flight are a 429, until the store lets go of them, client or no client', async (t) => {
  const gateway = await startTestGateway(t, { bodyBytesInFlightMax: 100 });
  const { promise, resolve } = Promise.withResolvers<{ type: 'unknown' }>();
  gateway.client.writeOutcome = promise;
  const first = await gateway.open();
  first.write(`${head('PUT', '/v1/kv/a', 'Content-Length: 60')}${'x'.repeat(60)}`);
  while (gateway.client.writes.length === 0) await new Promise(setImmediate);
  gateway.client.writeOutcome = null;
  const put = async (headers = {}) =>
    (await gateway.request('PUT', '/v1/kv/b', { body: 'y'.repeat(60), headers })).status;
  for (const headers of [{ 'Content-Length': '60' }, { 'Transfer-Encoding': 'chunked' }]) {
    t.is(await put(headers), 429);
  }
  first.socket.destroy();
  // The scrape itself is the one that is left.
  let scrape = '';
  while (!scrape.includes('requests_in_flight 1\n')) scrape = (await gateway.request('GET', '/metrics')).text;
  t.is(await put(), 429);
  resolve({ type: 'unknown' });
  t.is(await put(), 201);
});

test('the bytes of an answer are in flight until its client has read them', async (t) => {
  const gateway = await startTestGateway(t, { bodyBytesInFlightMax: 1024 * 1024 });
  await gateway.request('PUT', '/v1/kv/a', { body: Buffer.alloc(1024 * 1024) });
  const connection = await gateway.open();
  connection.socket.pause();
  // More than the kernels of both sides keep.
  connection.write(head('GET', '/v1/kv/a').repeat(50));
  let status = 200;
  while (status === 200) status = (await gateway.request('HEAD', '/v1/kv/a')).status;
  t.is(status, 429);
  connection.socket.destroy();
  while (status === 429) status = (await gateway.request('HEAD', '/v1/kv/a')).status;
  t.is(status, 200);
});

test('a client that leaves before its answer is read does not leave its bytes behind', async (t) => {
  const gateway = await startTestGateway(t, { bodyBytesInFlightMax: 100 });
  await gateway.request('PUT', '/v1/kv/a', { body: 'x'.repeat(90) });
  for (let round = 0; round < 5; round += 1) {
    const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<typeof gateway.client.read>>>();
    const answer = await gateway.client.read({ type: 'get', key: 'a', withValue: true }, { timeoutMs: 1 });
    const before = gateway.client.reads.length;
    gateway.client.readOutcome = promise;
    const connection = await gateway.open();
    connection.write(head('GET', '/v1/kv/a'));
    while (gateway.client.reads.length === before) await new Promise(setImmediate);
    connection.socket.destroy();
    await connection.closed();
    // The gateway has seen the end of that connection once it answers on a later one.
    await gateway.request('GET', '/livez');
    resolve(answer);
    gateway.client.readOutcome = null;
  }
  t.is((await gateway.request('GET', '/v1/kv/a')).status, 200);
});

test('idle connections make room for new ones', async (t) => {
  const gateway = await startTestGateway(t, { connectionsMax: 3 });
  const idle = await Promise.all([gateway.open(), gateway.open(), gateway.open()]);
  for (const connection of idle) {
    connection.write(head('GET', '/livez'));
    await connection.until('ok\n');
  }
  const dropped = await gateway.open();
  await dropped.closed();
  await Promise.all(idle.map((connection) => connection.closed()));
  t.is((await gateway.request('GET', '/livez')).status, 200);
});

// Alone: it keeps the loop busy for longer than others' timeouts.
test.serial('two thousand silent connections do not stop a client, and are closed after a while', async (t) => {
  const gateway = await startTestGateway(t, { headersTimeoutMs: 2000 });
  const silent = await Promise.all(Array.from({ length: 2000 }, () => gateway.open()));
  t.is((await gateway.request('PUT', '/v1/kv/a', { body: '1' })).status, 201);
  t.is((await gateway.request('GET', '/v1/kv/a')).text, '1');
  const received = await Promise.all(silent.map((connection) => connection.closed()));
  t.deepEqual(new Set(received), new Set(['']));
});

test('a connection that waits too long for its next request is closed', async (t) => {
  const gateway = await startTestGateway(t, { keepAliveTimeoutMs: 50 });
  const connection = await gateway.open();
  connection.write(head('GET', '/livez'));
  t.regex(await connection.closed(), /^HTTP\/1.1 200 /);
});

test('a reader that does not read is closed', async (t) => {
  // Above what a busy machine takes between two packets of those who do read.
  const gateway = await startTestGateway(t, { socketIdleMs: 2000 });
  await gateway.request('PUT', '/v1/kv/a', { body: Buffer.alloc(1024 * 1024) });
  const connection = await gateway.open();
  connection.socket.pause();
  // More than the kernels of both sides keep.
  connection.write(head('GET', '/v1/kv/a').repeat(50));
  while (gateway.client.reads.length === 0) await new Promise(setImmediate);
  // The scrape itself is the one that is left.
  let scrape = '';
  while (!scrape.includes('requests_in_flight 1\n')) scrape = (await gateway.request('GET', '/metrics')).text;
  connection.socket.resume();
  await connection.closed();
  t.true(gateway.client.reads.length < 50);
});
