/** The file that tells which tokens there are. Nothing of it is ever repeated in an error but names and places. */
import { open } from 'node:fs/promises';
import { ConfigError } from '../../config.ts';
import { roles } from './needs.ts';
import type { TokenEntry } from './tokens.ts';

export const tokensMax = 1000;
const fileBytesMax = 1024 * 1024;
const othersMayWrite = 0o022;

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
export const tokenNameExpected = '1 to 64 letters, digits and ". _ @ -", beginning with a letter or digit';

export const isTokenName = (text: string): boolean => namePattern.test(text);

/** Null if there is no such file. Throws ConfigError: one line naming the file and what is wrong with it. */
export async function readTokenFile(file: string): Promise<readonly TokenEntry[] | null> {
  try {
    return await readFrom(file);
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`token file ${file}: ${error.message}`);
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw new ConfigError(`token file ${file} cannot be read: ${code ?? message}`);
  }
}

async function readFrom(file: string): Promise<readonly TokenEntry[]> {
  const handle = await open(file, 'r');
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw new ConfigError('it is no file');
    if (found.size > fileBytesMax) throw new ConfigError(`it is larger than ${fileBytesMax} bytes`);
    if ((found.mode & othersMayWrite) !== 0) {
      throw new ConfigError('others than its owner may write it, and could let themselves in; chmod 600 it');
    }
    return parseTokenFile(await handle.readFile('utf8'));
  } finally {
    await handle.close();
  }
}

/** Throws ConfigError. */
export function parseTokenFile(text: string): readonly TokenEntry[] {
  const { tokens } = fieldsOf(parsed(text), 'the file', ['tokens']);
  if (!Array.isArray(tokens) || tokens.length > tokensMax) {
    throw new ConfigError(`tokens: expected a list of at most ${tokensMax}`);
  }
  const entries = tokens.map((value: unknown, at) => entryOf(value, `tokens[${at}]`));
  for (const field of ['name', 'id'] as const) {
    const twice = entries.find((entry, at) => entries.findIndex((other) => other[field] === entry[field]) !== at);
    if (twice !== undefined) throw new ConfigError(`two tokens have the ${field} of ${twice.name}; each needs its own`);
  }
  return entries;
}

/** One line for each token, so that a person finds it. */
export function tokenFileText(entries: readonly TokenEntry[]): string {
  const lines = entries.map((entry) => `    ${JSON.stringify(entry)}`);
  return `{\n  "tokens": [${lines.length === 0 ? '' : `\n${lines.join(',\n')}\n  `}]\n}\n`;
}

function entryOf(value: unknown, where: string): TokenEntry {
  const fields = fieldsOf(value, where, ['name', 'role', 'id', 'sha256', 'created']);
  const role = roles.find((each) => each === fields.role);
  if (role === undefined) throw new ConfigError(`${where}.role: expected one of ${roles.join(', ')}`);
  const matching = (field: 'name' | 'id' | 'sha256' | 'created', pattern: RegExp, expected: string): string => {
    const text = fields[field];
    if (typeof text === 'string' && pattern.test(text)) return text;
    throw new ConfigError(`${where}.${field}: expected ${expected}`);
  };
  return {
    name: matching('name', namePattern, tokenNameExpected),
    role,
    id: matching('id', /^[0-9a-f]{16}$/, '16 lower-case hex digits'),
    sha256: matching('sha256', /^[0-9a-f]{64}$/, '64 lower-case hex digits'),
    created: matching('created', /^\d{4}-\d\d-\d\dT[\d:.]{8,12}Z$/, 'a time such as 2026-01-31T12:00:00Z'),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What JSON.parse says repeats what it read.
    throw new ConfigError('it is not JSON, or not whole; "bazar token" writes such files');
  }
}

function fieldsOf<const Field extends string>(
  value: unknown,
  where: string,
  names: readonly Field[],
): Readonly<Record<Field, unknown>> {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject || Object.keys(value).some((name) => !names.some((each) => each === name))) {
    throw new ConfigError(`${where}: expected an object with ${names.join(', ')} and nothing else`);
  }
  return value as Readonly<Record<Field, unknown>>;
}
