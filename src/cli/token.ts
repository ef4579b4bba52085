import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  ConfigError,
  fromEnvironment,
  oneOf,
  optional,
  path,
  required,
  text,
  UsageError,
  withDefault,
} from '../config.ts';
import { type Role, roles } from '../gateway/access/needs.ts';
import {
  isTokenName,
  readTokenFile,
  tokenFileText,
  tokenNameExpected,
  tokensMax,
} from '../gateway/access/token-file.ts';
import { createToken, type TokenEntry } from '../gateway/access/tokens.ts';
import { takeProcessLock } from '../store/process-lock.ts';
import { defineCommand, type Terminal } from './command.ts';
import { exitCodes, Failure } from './failure.ts';
import { writeAtomically } from './files.ts';
import { alignColumns, write } from './output.ts';

const actions = ['create', 'list', 'revoke'] as const;

export const command = defineCommand({
  name: 'token',
  summary: 'Make, list and revoke the tokens that let clients in.',
  details: `  bazar token create --role write --name ci    prints a new token, once: the file holds only its hash
  bazar token list                             shows names and roles
  bazar token revoke ci                        ends one
The file is for --tokens of "bazar gateway", which reads it again when it changes. Who may write may
read, and admin may do everything, such as define collections and purge caches.`,
  arguments: {
    action: required(oneOf('ACTION', actions), `${actions.join(', ')}.`),
    who: optional(text('NAME'), 'The same as --name.'),
  },
  options: {
    name: optional(text('NAME'), 'Whom the token is for.'),
    role: optional(oneOf('ROLE', roles), `create: what it is good for, ${roles.join(', ')}.`),
    ...fromEnvironment({ tokens: withDefault(path('FILE'), './tokens.json', 'The file of tokens.') }),
  },
  async run({ action, who, name, role, tokens: file }, terminal) {
    if (action === 'list') return list(file, terminal);
    const named = nameOf(action, who, name);
    if (action === 'revoke') return revoke(file, named);
    if (role === null) throw new UsageError(`token create: expected --role with one of ${roles.join(', ')}`);
    await create(file, named, role, terminal);
  },
});

function nameOf(action: string, who: string | null, name: string | null): string {
  const named = who ?? name;
  if (named === null || (who !== null && name !== null && who !== name)) {
    throw new UsageError(`token ${action}: expected one name, as in "bazar token ${action} ci"`);
  }
  if (!isTokenName(named)) throw new UsageError(`token ${action}: a name is ${tokenNameExpected}`);
  return named;
}

async function create(file: string, name: string, role: Role, { stdout, stderr }: Terminal): Promise<void> {
  const { token, entry } = createToken({ name, role, created: new Date().toISOString() });
  await changing(file, (entries) => {
    if (entries.some((each) => each.name === name)) {
      throw new Failure(`${file} has a token ${name} already; revoke it first, or choose another name`);
    }
    if (entries.length >= tokensMax) throw new Failure(`${file} has ${tokensMax} tokens, which is all it may have`);
    return [...entries, entry];
  });
  // Nothing else on the standard output, so that a script can take it.
  await write(stdout, `${token}\n`);
  stderr.write(`token ${name} with role ${role}; it is not kept anywhere, and not shown again\n`);
}

async function list(file: string, { stdout }: Terminal): Promise<void> {
  const entries = await readTokenFile(file);
  if (entries === null) throw noFile(file);
  const rows = entries.map(({ name, role, created }) => [name, role, created]);
  await write(stdout, alignColumns([['NAME', 'ROLE', 'CREATED'], ...rows]));
}

async function revoke(file: string, name: string): Promise<void> {
  await changing(file, (entries, exists) => {
    if (!exists) throw noFile(file);
    const left = entries.filter((entry) => entry.name !== name);
    if (left.length < entries.length) return left;
    throw new Failure(`${file} has no token ${name}; "bazar token list" shows those it has`, exitCodes.notFound);
  });
}

/** The next to change it sees this change; readers see all of it or nothing. */
async function changing(
  named: string,
  change: (entries: readonly TokenEntry[], exists: boolean) => readonly TokenEntry[],
): Promise<void> {
  const file = await realFile(named);
  const lock = await takeProcessLock(`${file}.lock`);
  if (lock.type === 'held') throw new Failure(`${file} is being changed by process ${lock.pid}; try again`);
  try {
    const entries = await readTokenFile(file);
    await writeAtomically(file, tokenFileText(change(entries ?? [], entries !== null)), 0o600);
  } finally {
    await lock.release();
  }
}

/** Behind a symbolic link, so that the link stays one. */
async function realFile(file: string): Promise<string> {
  try {
    return await realpath(file);
  } catch {
    try {
      return join(await realpath(dirname(file)), basename(file));
    } catch {
      throw new ConfigError(`there is no directory ${dirname(file)}; make it, or say another with --tokens FILE`);
    }
  }
}

function noFile(file: string): ConfigError {
  return new ConfigError(`there is no token file ${file}; "bazar token create" makes one, --tokens FILE names another`);
}
