import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { freePorts } from '../cluster/ports.ts';
import { waitFor } from '../cluster/wait.ts';
import { certificate } from '../gateway/access/certificates.ts';
import { temporaryDirectory } from './directory.ts';
import { bazar } from './terminal.ts';

const token = 'bazar_0123456789abcdef_a-secret';

/** Refuses everything, and remembers what it was told. */
async function serve(t: ExecutionContext, secure = false) {
  const heard: IncomingHttpHeaders[] = [];
  const listener: RequestListener = ({ headers }, response) => {
    heard.push(headers);
    response.writeHead(401, { 'Content-Type': 'application/problem+json' });
    response.end(JSON.stringify({ title: 'Unauthorized', detail: 'this needs a token', code: 'token_missing' }));
  };
  const pair = () => ({ cert: readFileSync(certificate('first.pem')), key: readFileSync(certificate('first.key')) });
  const server = secure ? createSecureServer(pair(), listener) : createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http${secure ? 's' : ''}://127.0.0.1:${(server.address() as AddressInfo).port}`, heard };
}

const commands: readonly (readonly string[])[] = [
  ['get', 'k'],
  ['put', 'k', 'v'],
  ['del', 'k'],
  ['list'],
  ['purge', '--all'],
  ['status'],
  ['metrics'],
  ['export'],
  ['import', 'FILE', '--key', 'id'],
];

for (const words of commands) {
  test(`bazar ${words[0]} shows its token to the gateway, and to nobody else`, async (t) => {
    const { url, heard } = await serve(t);
    const directory = temporaryDirectory(t);
    const file = join(directory, 'token');
    writeFileSync(file, `${token}\n`);
    const rows = join(directory, 'rows.ndjson');
    writeFileSync(rows, '{"id":"1"}\n');
    const said = words.map((word) => (word === 'FILE' ? rows : word));
    for (const [flags, environment] of [
      [['--token', token], {}],
      [['--token-file', file], {}],
      [[], { BAZAR_TOKEN: token }],
    ] as const) {
      rmSync(`${rows}.bazar-import`, { force: true });
      const { code, stdout, stderr } = await bazar([...said, ...flags, '--url', url], { environment });
      t.is(code, 1, stderr);
      t.regex(stderr, /Unauthorized: this needs a token/);
      t.false(`${stdout}${stderr}`.includes('secret'));
    }
    t.deepEqual(
      heard.map(({ authorization }) => authorization),
      Array(3).fill(`Bearer ${token}`),
    );
  });
}

test('a token that cannot be used is refused without being repeated, and nothing is sent', async (t) => {
  const { url, heard } = await serve(t);
  const file = join(temporaryDirectory(t), 'token');
  writeFileSync(file, 'two secret words\n');
  for (const [words, code, told] of [
    [['--token', 'two secret words'], 2, /^bazar: --token: expected letters, digits and signs of ASCII/],
    [['--token-file', file], 1, /^bazar: token in .*token: expected letters, digits and signs of ASCII/],
    [['--token-file', `${file}.none`], 1, /^bazar: --token-file .*: there is no such file/],
    [['--token-file', file, '--token', 'secret'], 2, /expected one of --token and --token-file/],
    [['--ca', `${file}.none`, '--url', url.replace('http:', 'https:')], 1, /^bazar: --ca .*: there is no such file/],
    [['--ca', file, '--url', url.replace('http:', 'https:')], 1, /^bazar: --ca .*: expected certificates in PEM/],
  ] as const) {
    const ended = await bazar(['get', 'k', '--url', url, ...words]);
    t.is(ended.code, code, ended.stderr);
    t.regex(ended.stderr, told);
    t.notRegex(ended.stderr, /secret/);
  }
  t.deepEqual(heard, []);
});

test('over https the authority of --ca is trusted; without it the remedy is told', async (t) => {
  const { url, heard } = await serve(t, true);
  const trusted = await bazar([
    'get',
    'k',
    '--url',
    url,
    '--ca',
    certificate('ca.pem'),
    '--token',
    token,
    '--timeout',
    '60s',
  ]);
  t.regex(trusted.stderr, /Unauthorized/);
  t.is(heard.length, 1);
  const distrusted = await bazar(['get', 'k', '--url', url, '--token', token]);
  t.is(distrusted.code, 5);
  t.regex(distrusted.stderr, /no answer from https.*; --ca FILE names who signed its certificate/);
  t.is(heard.length, 1);
});

test('"bazar config --print" shows where a token comes from, and never which', async (t) => {
  const environment = { BAZAR_TOKEN: token, BAZAR_TOKENS: '/etc/bazar/tokens.json' };
  const { code, stdout, stderr } = await bazar(['config', '--print', '--cors-origin', '*'], { environment });
  t.is(code, 0, stderr);
  t.regex(stdout, /^ {2}token +\(not shown\) +environment$/m);
  t.regex(stdout, /^ {2}tokens +\/etc\/bazar\/tokens\.json +environment$/m);
  t.regex(stdout, /^ {2}cors-origin +\* +flag$/m);
  for (const name of ['tls-cert', 'tls-key', 'tls-ca', 'token-file', 'ca']) {
    t.regex(stdout, new RegExp(`^ {2}${name} +- +not set$`, 'm'));
  }
  t.false(stdout.includes('secret'));
  const wrong = await bazar(['config'], { environment: { BAZAR_TOKEN: 'a secret' } });
  t.is(wrong.code, 2);
  t.notRegex(wrong.stderr, /secret/);
});

async function clusterIn(t: ExecutionContext) {
  const directory = temporaryDirectory(t);
  const out = join(directory, 'cluster');
  await bazar(['init', '--replicas', 'r1=127.0.0.1', '--gateways', 'g1=127.0.0.1', '--out', out]);
  const words = ['gateway', '--id', 'g1', '--cluster', join(out, 'cluster.json'), '--key', join(out, 'g1.key')];
  return { directory, words };
}

const refused: readonly (readonly [flags: readonly string[], code: number, told: RegExp])[] = [
  [['--host', '0.0.0.0'], 1, /--tokens FILE lets in who has a token.*--insecure/],
  [['--cors-origin', '*'], 1, /every page.*--insecure opens it to all; or name the origins/],
  [['--cors-origin', 'shop.example'], 2, /--cors-origin: expected origins such as/],
  [['--tls-cert', 'a'], 2, /expected --tls-cert FILE and --tls-key FILE together/],
  [['--tls-cert', certificate('first.pem'), '--tls-key', certificate('second.key')], 1, /is not that of the first/],
  [
    ['--tokens', '/nowhere/tokens.json', '--host', '0.0.0.0'],
    1,
    /token file \/nowhere.*"bazar token create" makes one/,
  ],
  [['--tls-ca', '/nowhere/ca.pem'], 1, /--tls-ca \/nowhere\/ca\.pem cannot be read/],
  [['--tls-ca', certificate('first.key')], 1, /--tls-ca .*first\.key: expected certificates in PEM/],
];

for (const [flags, code, told] of refused) {
  test(`a gateway does not start with ${flags.map((flag) => flag.replace(/.*\//, '')).join(' ')}`, async (t) => {
    const { words } = await clusterIn(t);
    const ended = await bazar([...words, '--http-port', `${await freePorts(1)}`, ...flags]);
    t.is(ended.code, code, ended.stderr);
    t.regex(ended.stderr, told);
  });
}

test('a gateway reads tokens and certificate again on a hang-up, and goes on', async (t) => {
  const { directory, words } = await clusterIn(t);
  const files = { tokens: join(directory, 'tokens.json'), cert: join(directory, 'cert'), key: join(directory, 'key') };
  for (const [from, to] of [
    ['first.pem', files.cert],
    ['first.key', files.key],
  ] as const)
    copyFileSync(certificate(from), to);
  const made = await bazar(['token', 'create', 'a', '--role', 'read', '--tokens', files.tokens]);
  const port = await freePorts(1);
  const flags = ['--tokens', files.tokens, '--tls-cert', files.cert, '--tls-key', files.key, '--http-port', `${port}`];
  const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
  const child = spawn(process.execPath, [cli, ...words, ...flags], { stdio: ['ignore', 'ignore', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  const exit = once(child, 'exit');
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk;
  });
  const logged = (text: string) =>
    waitFor(async () => log.includes(text), { description: `${text} in the log`, timeoutMs: 30_000 });
  const target = ['--url', `https://127.0.0.1:${port}`, '--ca', certificate('ca.pem'), '--timeout', '60s'];
  const status = async () => {
    const { code, stderr } = await bazar(['status', '--json', ...target, '--token', made.stdout.trim()]);
    return code === 0 ? 'let in' : stderr;
  };
  await logged('gateway listens');
  t.is(await status(), 'let in');
  copyFileSync(certificate('second.key'), files.key);
  child.kill('SIGHUP');
  await logged('is not that of the first certificate');
  await logged('tokens read again');
  t.is(await status(), 'let in');
  // Seen without a hang-up, too.
  await bazar(['token', 'revoke', 'a', '--tokens', files.tokens]);
  await waitFor(async () => (await status()).includes('does not know the token'), {
    description: 'the end of the token',
    timeoutMs: 30_000,
  });
  child.kill('SIGTERM');
  t.deepEqual(await exit, [0, null], log);
  t.false(log.includes(made.stdout.trim().slice(-64)));
});
