import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { roles } from '../../src/gateway/access/needs.ts';
import { parseTokenFile } from '../../src/gateway/access/token-file.ts';
import { tokenTable } from '../../src/gateway/access/tokens.ts';
import { temporaryDirectory } from './directory.ts';
import { bazar } from './terminal.ts';

function setUp(t: ExecutionContext) {
  const directory = temporaryDirectory(t);
  const file = join(directory, 'tokens.json');
  const environment = { BAZAR_TOKENS: file };
  const roleOf = (token: string) => tokenTable(parseTokenFile(readFileSync(file, 'utf8')))(token.trim());
  return { directory, file, roleOf, token: (...words: string[]) => bazar(['token', ...words], { environment }) };
}

test('a token is printed once, alone, and only its hash is kept, for its owner to read', async (t) => {
  const { directory, file, roleOf, token } = setUp(t);
  for (const role of roles) {
    const { code, stdout, stderr } = await token('create', '--role', role, '--name', `the-${role}`);
    t.is(code, 0, stderr);
    t.regex(stdout, /^bazar_\w{81}\n$/);
    t.is(roleOf(stdout), role);
    t.false(readFileSync(file, 'utf8').includes(stdout.trim().slice(-64)));
    t.is(stderr, `token the-${role} with role ${role}; it is not kept anywhere, and not shown again\n`);
    t.is(statSync(file).mode & 0o777, 0o600);
  }
  t.deepEqual(readdirSync(directory), ['tokens.json']);
  const { stdout } = await token('list');
  t.regex(stdout, /^NAME +ROLE +CREATED\nthe-read +read +\d{4}-.*\nthe-write +write .*\nthe-admin +admin .*\n$/);
  t.false(stdout.includes('bazar_'));
});

test('a token that is revoked is gone, and the file is left, be it empty', async (t) => {
  const { roleOf, token } = setUp(t);
  const [first, second] = [await token('create', 'a', '--role', 'read'), await token('create', 'b', '--role', 'admin')];
  t.is((await token('revoke', 'a')).code, 0);
  t.deepEqual([roleOf(first.stdout), roleOf(second.stdout)], [null, 'admin']);
  t.is((await token('revoke', '--name', 'b')).code, 0);
  t.is(roleOf(second.stdout), null);
  t.is((await token('list')).stdout.trimEnd().split('\n').length, 1);
});

test('those that are made at once are all there, or said not to be', async (t) => {
  const { file, token } = setUp(t);
  const made = await Promise.all(Array.from({ length: 8 }, (_, at) => token('create', `n${at}`, '--role', 'read')));
  const kept = parseTokenFile(readFileSync(file, 'utf8')).map(({ name }) => name);
  t.true(kept.length >= 1);
  t.deepEqual(
    made.map(({ code }, at) => [code === 0, kept.includes(`n${at}`)]).filter(([said, is]) => said !== is),
    [],
  );
  for (const { code, stderr, stdout } of made) {
    if (code !== 0) t.deepEqual([stdout, /is being changed by process \d+; try again/.test(stderr)], ['', true]);
  }
});

test('a link to the file stays one', async (t) => {
  const { directory, file } = setUp(t);
  mkdirSync(join(directory, 'real'));
  writeFileSync(join(directory, 'real', 'tokens.json'), '{"tokens":[]}\n', { mode: 0o600 });
  symlinkSync(join('real', 'tokens.json'), file);
  t.is((await bazar(['token', 'create', 'a', '--role', 'read', '--tokens', file])).code, 0);
  t.is(parseTokenFile(readFileSync(join(directory, 'real', 'tokens.json'), 'utf8')).length, 1);
});

const wrong: readonly (readonly [words: readonly string[], code: number, told: RegExp])[] = [
  [['token'], 2, /expected ACTION/],
  [['token', 'make'], 2, /expected one of create, list, revoke/],
  [['token', 'create', 'a'], 2, /expected --role with one of read, write, admin/],
  [['token', 'create', '--role', 'read'], 2, /expected one name, as in "bazar token create ci"/],
  [['token', 'create', 'a', '--name', 'b', '--role', 'read'], 2, /expected one name/],
  [['token', 'create', 'a', '--role', 'root'], 2, /expected one of read, write, admin, got "root"/],
  [['token', 'create', 'a b', '--role', 'read'], 2, /a name is 1 to 64 letters/],
  [['token', 'create', 'there', '--role', 'read'], 1, /has a token there already; revoke it first/],
  [['token', 'revoke', 'nobody'], 3, /has no token nobody; "bazar token list"/],
  [['token', 'list', '--tokens', '/nowhere/tokens.json'], 1, /there is no token file \/nowhere\/tokens\.json; "bazar/],
  [['token', 'revoke', 'a', '--tokens', '/nowhere/tokens.json'], 1, /there is no directory \/nowhere; make it/],
];

for (const [words, code, told] of wrong) {
  test(`bazar ${words.join(' ')} is refused, and the file left as it was`, async (t) => {
    const { file, token } = setUp(t);
    await token('create', 'there', '--role', 'read');
    const before = readFileSync(file, 'utf8');
    const ended = await bazar(words, { environment: { BAZAR_TOKENS: file } });
    t.is(ended.code, code);
    t.regex(ended.stderr, told);
    t.is(readFileSync(file, 'utf8'), before);
  });
}

test('a file that is something else is not overwritten', async (t) => {
  const { file, token } = setUp(t);
  writeFileSync(file, 'precious', { mode: 0o600 });
  for (const words of [['create', 'a', '--role', 'read'], ['revoke', 'a'], ['list']]) {
    const { code, stderr } = await token(...words);
    t.is(code, 1);
    t.regex(stderr, /^bazar: token file .*tokens\.json: it is not JSON/);
  }
  t.is(readFileSync(file, 'utf8'), 'precious');
});
