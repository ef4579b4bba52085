/**
 * What neither the compiler nor the linter sees: which way the rooms may look, what must not be called where,
 * and what must not be left lying about. Every rule is a function from source files to complaints.
 */
import path from 'node:path';

export interface SourceFile {
  /** From the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** Complaints, one line each: the file, the line's number where it has one, what is wrong and what to do. */
export function tidy(files: readonly SourceFile[]): readonly string[] {
  return [
    ...files.flatMap(checkImports),
    ...files.flatMap(checkCalls),
    ...files.flatMap(checkWords),
    ...files.flatMap(checkLineLengths),
    ...files.flatMap(checkAssertions),
    ...checkDeadFiles(files),
  ];
}

/** Anyone but the core may import these, and what concerns metrics; of the rooms they see the core's types alone. */
const leaves = new Set([
  'src/cluster-file.ts',
  'src/config.ts',
  'src/keys-file.ts',
  'src/logger.ts',
  'src/meta-http.ts',
  'src/progress.ts',
  'src/system-clock.ts',
  'src/version.ts',
]);

type Room = 'core' | 'driver' | 'store' | 'client' | 'schemas' | 'gateway' | 'leaf' | 'cli' | 'library' | 'outside';

/** The rooms of src/ that each room may look into, itself included. */
const sights: Readonly<Record<Room, readonly Room[]>> = {
  core: ['core'],
  driver: ['core', 'driver', 'leaf'],
  store: ['core', 'driver', 'store', 'leaf'],
  client: ['core', 'driver', 'store', 'client', 'leaf'],
  schemas: ['client', 'schemas', 'gateway', 'leaf'],
  gateway: ['client', 'schemas', 'gateway', 'leaf'],
  leaf: ['core', 'leaf'],
  cli: ['core', 'driver', 'store', 'client', 'schemas', 'gateway', 'leaf', 'cli'],
  library: ['schemas', 'library'],
  outside: ['core', 'driver', 'store', 'client', 'schemas', 'gateway', 'leaf', 'cli', 'library', 'outside'],
};

function roomOf(file: string): Room {
  if (leaves.has(file) || /^src\/metrics(?:\.ts$|\/)/.test(file)) return 'leaf';
  if (file === 'src/raft/node.ts') return 'driver';
  if (file.startsWith('src/raft/')) return 'core';
  if (file === 'src/store/client.ts' || file.startsWith('src/store/client/')) return 'client';
  if (file.startsWith('src/store/')) return 'store';
  if (file.startsWith('src/gateway/schemas/')) return 'schemas';
  if (file.startsWith('src/gateway/')) return 'gateway';
  if (file === 'src/client.ts' || file.startsWith('src/client/')) return 'library';
  return file.startsWith('src/') ? 'cli' : 'outside';
}

/** What they do not import, and why. */
const alone: Partial<Record<Room, string>> = {
  core: 'src/raft is pure and imports nothing from outside',
  driver: 'src/raft is pure and imports nothing from outside',
  library: 'the client of users has no dependencies',
};

function checkImports(file: SourceFile): readonly string[] {
  const room = roomOf(file.path);
  return importsOf(file).flatMap(({ specifier, target, isType }) => {
    if (target === null) {
      const reason = alone[room];
      return reason === undefined ? [] : [`${file.path}: imports ${specifier}; ${reason}`];
    }
    if (room === 'library' && roomOf(target) === 'schemas' && !isType) {
      return [`${file.path}: imports ${target}; the client of users knows schemas as types alone: import type`];
    }
    const seen = sights[room];
    if (!target.endsWith('.ts') || seen.includes(roomOf(target))) return [];
    return [`${file.path}: imports ${target}; from the ${room} only these rooms are in sight: ${seen.join(', ')}`];
  });
}

interface Import {
  readonly specifier: string;
  /** The file's path, or null for a package. */
  readonly target: string | null;
  /** Nothing of it is there at run time. */
  readonly isType: boolean;
}

function importsOf(file: SourceFile): readonly Import[] {
  const statements = withoutComments(file.text).matchAll(
    /(\b(?:import|export)\s+type\b[^;'"]*)?(?<!['"])\b(?:from|import)\s*\(?\s*(['"])([^'"\n]+)\2/g,
  );
  return [...statements].map(([, type, , specifier = '']) => ({
    specifier,
    target: specifier.startsWith('.') ? path.posix.join(path.posix.dirname(file.path), specifier) : null,
    isType: type !== undefined,
  }));
}

const bannedCalls: readonly { readonly call: RegExp; readonly instead: string }[] = [
  { call: /\bDate\.now\b|\bnew Date\b|\bperformance\.now\b|\bprocess\.hrtime\b/, instead: 'Clock.now' },
  { call: /(?<![\w.])set(?:Timeout|Interval)\(|\bAbortSignal\.timeout\b|['"]node:timers/, instead: 'Clock.setTimer' },
  { call: /(?<![\w.])setImmediate\(|\bprocess\.nextTick\b/, instead: 'Clock.defer' },
  { call: /\bMath\.random\b/, instead: 'Random.next' },
];

/** Rooms that also run under simulated time, and the files in them that only stand for the world: sockets, real disks. */
const simulated = /^src\/(?:raft|store|gateway)\//;
const edgeFiles = new Set(['src/gateway/server.ts', 'src/store/disk-space.ts']);

/** These run in browsers, which are told of them by HTML. */
const pages = /^src\/gateway\/shop\/page\//;

function checkCalls(file: SourceFile): readonly string[] {
  if (!simulated.test(file.path) || edgeFiles.has(file.path) || pages.test(file.path)) return [];
  return complainOfLines(file.path, withoutComments(file.text), (line) => {
    const banned = bannedCalls.find(({ call }) => call.test(line));
    return banned === undefined ? null : `use ${banned.instead}, so that a simulator can stand in for the world`;
  });
}

/** Written so that they do not find themselves. */
const leftovers = /\b(?:TO[D]O|FIX[M]E|XX[X]|HAC[K])\b/;
const privateWords = /(?<![\w.])\/wor[k]\/|\bissue [#]?\d|\bPROTOCOL-REVIE[W]\b|\(H\d{1,2}[a-z]?\)|\bsession end[s]\b/;

function checkWords(file: SourceFile): readonly string[] {
  return complainOfLines(file.path, file.text, (line) => {
    if (leftovers.test(line)) return 'unfinished work is finished before it lands';
    return privateWords.test(line) ? 'the product speaks of itself, not of how it was made' : null;
  });
}

/** The formatter wraps code at 120; this is for what it leaves alone. */
const lineLengthMax = 140;

function checkLineLengths(file: SourceFile): readonly string[] {
  return complainOfLines(file.path, file.text, (line) => {
    // A message stays in one piece, so that it can be searched for.
    const { length } = line.replace(/(['"`]).*\1/, '');
    return length > lineLengthMax ? `${length} characters without its text; at most ${lineLengthMax}` : null;
  });
}

function checkAssertions(file: SourceFile): readonly string[] {
  if (!/\.(?:test|system)\.ts$/.test(file.path)) return [];
  const asserts = /\bt\.(?:assert|is|not|like|pass|fail|true|false|truthy|falsy|regex|throws|deepEqual)(?:Async)?\(/;
  return asserts.test(withoutComments(file.text)) ? [] : [`${file.path}: asserts nothing`];
}

/** The one that runs, the one that users import, and the one that is checked after every step of a test. */
const roots = new Set(['src/cli.ts', 'src/client.ts', 'src/raft/invariants.ts']);

function checkDeadFiles(files: readonly SourceFile[]): readonly string[] {
  const sources = files.filter((file) => file.path.startsWith('src/'));
  const imported = new Set(sources.flatMap((file) => importsOf(file).map(({ target }) => target)));
  return sources
    .filter(({ path: own }) => !roots.has(own) && !own.endsWith('.d.ts') && !pages.test(own) && !imported.has(own))
    .map((file) => `${file.path}: nothing in src/ imports it; remove it, or use it`);
}

function complainOfLines(file: string, text: string, complaint: (line: string) => string | null): readonly string[] {
  return text.split('\n').flatMap((line, position) => {
    const found = complaint(line);
    return found === null ? [] : [`${file}:${position + 1}: ${line.trim()}: ${found}`];
  });
}

/** Comments become blank; the lines keep their numbers. */
function withoutComments(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|\s)\/\/.*$/gm, '$1');
}
