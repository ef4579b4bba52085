import test from 'ava';
import { allows, needing, needOf, roles } from '../../../src/gateway/access/needs.ts';
import { parseTokenFile, tokenFileText, tokensMax } from '../../../src/gateway/access/token-file.ts';
import { createToken, tokenTable } from '../../../src/gateway/access/tokens.ts';
import { entries, tokens } from './fixture.ts';

test('a role may do what those below it may', (t) => {
  const may = roles.map((role) => [...roles, 'public' as const].filter((need) => allows(role, need)));
  t.deepEqual(may, [
    ['read', 'public'],
    ['read', 'write', 'public'],
    ['read', 'write', 'admin', 'public'],
  ]);
});

test('a route needs what one of its middlewares declares, and two declarations are none', (t) => {
  const [plain, first, second] = [() => {}, needing('read', () => {}), needing('admin', () => {})];
  t.is(needOf([plain, first]), 'read');
  t.is(needOf([plain]), null);
  t.is(needOf([first, second]), null);
});

test('a token has the role it was made with', (t) => {
  const roleOf = tokenTable(entries);
  for (const role of roles) t.is(roleOf(tokens[role]), role);
});

test('what differs from a token in any place is none', (t) => {
  const roleOf = tokenTable(entries);
  const token = tokens.admin;
  for (let at = 6; at < token.length; at++) {
    const other = token[at] === '0' ? '1' : '0';
    t.is(roleOf(`${token.slice(0, at)}${other}${token.slice(at + 1)}`), null, `${at}`);
  }
  for (const wrong of ['', token.slice(0, -1), `${token}0`, token.toUpperCase(), ` ${token.slice(1)}`]) {
    t.is(roleOf(wrong), null, wrong);
  }
});

test('no two tokens are alike, and an entry tells nothing of the secret', (t) => {
  const options = { name: 'a', role: 'read', created: '2026-01-31T12:00:00Z' } as const;
  const [one, two] = [createToken(options), createToken(options)];
  t.not(one.token, two.token);
  t.not(one.entry.id, two.entry.id);
  t.regex(one.token, /^bazar_[0-9a-f]{16}_[0-9a-f]{64}$/);
  t.false(JSON.stringify(one.entry).includes(one.token.slice(-64)));
});

test('a file is read as it was written, be it empty', (t) => {
  t.deepEqual(parseTokenFile(tokenFileText(entries)), entries);
  t.deepEqual(parseTokenFile(tokenFileText([])), []);
});

const [first] = entries as [(typeof entries)[number]];
const listing = (...tokens: unknown[]) => JSON.stringify({ tokens });

const wrong: readonly (readonly [what: string, text: string, told: RegExp])[] = [
  ['nothing', '', /not JSON, or not whole/],
  ['half of a file', tokenFileText(entries).slice(0, -10), /not JSON, or not whole/],
  ['a token in place of a file', tokens.admin, /not JSON, or not whole/],
  ['another document', '{"clusterId":1}', /expected an object with tokens/],
  ['no list', '{"tokens":{}}', /tokens: expected a list of at most 1000/],
  ['too many', listing(...Array(tokensMax + 1).fill(first)), /tokens: expected a list of at most 1000/],
  ['an entry that is none', listing(first, 7), /tokens\[1\]: expected an object with name, role/],
  ['a field more', listing({ ...first, [tokens.admin]: 1 }), /tokens\[0\]: expected an object with name, role/],
  ['another role', listing({ ...first, role: 'root' }), /tokens\[0\]\.role: expected one of read, write, admin$/],
  ['another hash', listing({ ...first, sha256: tokens.admin }), /tokens\[0\]\.sha256: expected 64 lower-case hex/],
  ['no id', listing({ ...first, id: undefined }), /tokens\[0\]\.id: expected 16 lower-case hex/],
  ['a name with a line break', listing({ ...first, name: 'a\nb' }), /tokens\[0\]\.name: expected 1 to 64/],
  ['one name twice', listing(first, { ...entries[1], name: first.name }), /two tokens have the name of a-read/],
  ['one id twice', listing(first, { ...entries[1], id: first.id }), /two tokens have the id of a-write/],
];

for (const [what, text, told] of wrong) {
  test(`a file with ${what} is refused, and nothing of its secrets repeated`, (t) => {
    const error = t.throws(() => parseTokenFile(text), { name: 'ConfigError', message: told });
    t.false(error.message.includes(tokens.admin.slice(-64)));
    t.false(error.message.includes(first.sha256));
  });
}
