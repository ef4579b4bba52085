import { copyFileSync, writeFileSync } from 'node:fs';
import { type RequestOptions, request as requestHttps } from 'node:https';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { Reloaded } from '../../../src/gateway/access/reloaded.ts';
import { loadTlsPair } from '../../../src/gateway/access/tls.ts';
import { createPeers } from '../../../src/gateway/peers.ts';
import { silentLogger } from '../../../src/logger.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { temporaryDirectory } from '../../cli/directory.ts';
import { request } from '../harness.ts';
import { authority, certificate } from './certificates.ts';
import { bearer, signerOf, startGuarded, tokens } from './fixture.ts';

async function start(t: ExecutionContext) {
  const directory = temporaryDirectory(t);
  const files = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
  const use = (name: string) => {
    copyFileSync(certificate(`${name}.pem`), files.cert);
    copyFileSync(certificate(`${name}.key`), files.key);
  };
  use('first');
  const tls = await Reloaded.open({
    ...{ what: 'TLS certificate and key', files: [files.cert, files.key], clock: systemClock, log: silentLogger },
    load: () => loadTlsPair(files),
  });
  t.teardown(() => tls.close());
  return { port: await startGuarded(t, { tls, id: 'g2' }), tls, files, use };
}

function ask(port: number, path: string, options: RequestOptions = {}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const given = { host: '127.0.0.1', port, path, ca: authority, agent: false, ...options };
    const outgoing = requestHttps(given, async (incoming) => {
      resolve({ status: incoming.statusCode ?? 0, body: (await buffer(incoming)).toString() });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** Null if there can be no connection. */
function handshake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, ca: authority, ...options });
    socket.on('secureConnect', () => resolve(socket));
    socket.on('error', () => resolve(null));
  });
}

test('with a certificate everything is as without, but for who listens in', async (t) => {
  const { port } = await start(t);
  t.is((await ask(port, '/livez')).status, 200);
  t.is((await ask(port, '/v1/kv/a')).status, 401);
  t.is((await ask(port, '/v1/kv/a', { headers: bearer(tokens.write), method: 'PUT' })).status, 201);
  t.is((await ask(port, '/v1/kv/a', { headers: bearer(tokens.read) })).status, 200);
  await t.throwsAsync(ask(port, '/livez', { ca: [] }), { message: /unable to|self.signed/ });
});

test('plain HTTP is not spoken there, and old TLS neither', async (t) => {
  const { port } = await start(t);
  await t.throwsAsync(request(port, 'GET', '/livez'), { code: 'ECONNRESET' });
  const ciphers = 'DEFAULT@SECLEVEL=0';
  t.is(await handshake(port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers }), null);
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const socket = await handshake(port, { minVersion: version, maxVersion: version });
    t.is(socket?.getProtocol(), version);
    socket?.destroy();
  }
});

test('a new certificate is shown to new connections, an old connection goes on, a broken one changes nothing', async (t) => {
  const { port, tls, files, use } = await start(t);
  const shown = async () => {
    const socket = await handshake(port);
    const name = socket?.getPeerCertificate().subject.CN;
    socket?.destroy();
    return name;
  };
  const old = await handshake(port);
  t.is(await shown(), 'first');
  use('second');
  await tls.reload();
  t.is(await shown(), 'second');
  old?.write('GET /version HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  t.regex(old === null ? '' : (await buffer(old)).toString(), /^HTTP\/1\.1 200/);
  copyFileSync(certificate('first.key'), files.key);
  await tls.reload();
  t.is(await shown(), 'second');
  t.is(await (async () => await handshake(port, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' }))(), null);
});

test('gateways ask each other over TLS, and only whom the authority knows', async (t) => {
  const { port } = await start(t);
  const gateways = [{ id: 'g2', http: `127.0.0.1:${port}`, tls: true }];
  const target = '/v1/cluster/metrics?scope=this';
  const askWith = (ca: Buffer | undefined) =>
    createPeers({ gateways, id: 'g1', signer: signerOf('g1'), ca, clock: systemClock }).askAll({
      method: 'GET',
      target,
    });
  t.like((await askWith(authority))[0], { type: 'answered', status: 200 });
  t.like((await askWith(undefined))[0], { type: 'silent' });
});

const wrong: readonly (readonly [what: string, cert: string | null, key: string | null, told: RegExp])[] = [
  ['no certificate', null, 'first.key', /^TLS certificate .*cert\.pem: there is no such file; expected PEM$/],
  ['no key', 'first.pem', null, /^TLS key .*key\.pem: there is no such file; expected PEM$/],
  ['the key of another', 'first.pem', 'second.key', /^the key in .* is not that of the first certificate in/],
  ['a key for a certificate', 'first.key', 'first.key', /^TLS certificate .*begins with "-----BEGIN CERTIFICATE/],
  ['a certificate for a key', 'first.pem', 'first.pem', /^TLS key .*: expected a private key in PEM/],
  ['a key with a passphrase', 'first.pem', 'encrypted.key', /^TLS key .*encrypted.*"openssl pkey/],
];

for (const [what, cert, key, told] of wrong) {
  test(`${what} is refused, in words that help`, async (t) => {
    const directory = temporaryDirectory(t);
    const files = { cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
    if (cert !== null) copyFileSync(certificate(cert), files.cert);
    if (key !== null) copyFileSync(certificate(key), files.key);
    await t.throwsAsync(loadTlsPair(files), { name: 'ConfigError', message: told });
  });
}

test('what is in a broken key is not repeated', async (t) => {
  const directory = temporaryDirectory(t);
  const key = join(directory, 'key.pem');
  writeFileSync(key, '-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n');
  const error = await t.throwsAsync(
    loadTlsPair({ cert: fileURLToPath(new URL('tls/first.pem', import.meta.url)), key }),
  );
  t.false(error.message.includes('c2VjcmV0'));
});
