import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { type SourceFile, tidy } from './tidy.ts';

const root = fileURLToPath(new URL('../', import.meta.url));

function sources(): readonly SourceFile[] {
  return ['src', 'test', 'bench', 'bin'].flatMap((folder) =>
    readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
      .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
      .filter((name) => /\.(?:ts|js|lua)$/.test(name))
      .map((path) => ({ path, text: readFileSync(`${root}${path}`, 'utf8') })),
  );
}

/** A file that src/ uses, so that only the offence in question is found. */
function used(path: string, text: string): readonly SourceFile[] {
  return [
    { path, text },
    { path: 'src/cli.ts', text: `import '${path.replace('src/', './')}';` },
  ];
}

test('the source is tidy', (t) => {
  t.deepEqual(tidy(sources()), []);
});

const forbiddenSights = [
  ['src/raft/quorum.ts', '../store/disk.ts', 'the core knows nothing of the store'],
  ['src/raft/quorum.ts', '../logger.ts', 'the core does not even log'],
  ['src/raft/quorum.ts', './node.ts', 'the core does not know its driver'],
  ['src/raft/quorum.ts', 'node:fs', 'the core does no I/O'],
  ['src/raft/node.ts', 'level', 'the driver knows the disk through an interface'],
  ['src/raft/node.ts', '../store/log-store.ts', 'the driver does not know the store'],
  ['src/store/server.ts', '../gateway/app.ts', 'the store does not know the gateway'],
  ['src/store/server.ts', './client.ts', 'the store does not know its client'],
  ['src/gateway/app.ts', '../store/state-machine.ts', 'the gateway knows the store through its client alone'],
  ['src/gateway/app.ts', '../raft/types.ts', 'the gateway does not know consensus'],
  ['src/metrics.ts', './store/protocol.ts', 'a leaf does not know the store'],
  ['src/gateway/app.ts', '../cli/dev.ts', 'nobody imports the command line'],
  ['src/store/server.ts', '../../test/tidy.ts', 'the product does not import its tests'],
  ['src/client/keys.ts', 'undici', 'the client of users has no dependencies'],
  ['src/client/keys.ts', '../store/client.ts', 'the client of users does not know the store'],
  ['src/gateway/app.ts', '../client.ts', 'the gateway does not know the client of its users'],
] as const;

for (const [path, specifier, title] of forbiddenSights) {
  test(`imports: ${title} (${specifier})`, (t) => {
    for (const text of [
      `import { a } from '${specifier}';`,
      `import type { A } from "${specifier}";`,
      `export * from '${specifier}';`,
      `const a = await import('${specifier}');`,
      `import {\n  a,\n  b,\n} from '${specifier}';`,
    ]) {
      const complaints = tidy(used(path, text)).filter((complaint) => complaint.startsWith(`${path}: imports`));
      t.is(complaints.length, 1, text);
    }
  });
}

test('imports: the client of users knows schemas as types alone', (t) => {
  const path = 'src/client/keys.ts';
  const complaintsOf = (text: string) => tidy([{ path, text }]).filter((complaint) => complaint.includes(': imports'));
  t.is(complaintsOf("import { listAnswer } from '../gateway/schemas/kv.ts';").length, 1);
  t.is(complaintsOf("import { type ListAnswer } from '../gateway/schemas/kv.ts';").length, 1);
  t.deepEqual(complaintsOf("import type {\n  ListAnswer,\n} from '../gateway/schemas/kv.ts';"), []);
  t.deepEqual(complaintsOf("export type { ListAnswer } from '../gateway/schemas/kv.ts';"), []);
  t.is(complaintsOf("import type { A } from './a.ts';\nimport { b } from '../gateway/schemas/kv.ts';").length, 1);
});

test('imports: what is in sight is allowed', (t) => {
  const allowed = [
    ['src/raft/raft.ts', './quorum.ts'],
    ['src/raft/node.ts', '../logger.ts'],
    ['src/store/server.ts', '../raft/node.ts'],
    ['src/store/disk-level.ts', 'node:fs'],
    ['src/store/client.ts', './protocol.ts'],
    ['src/gateway/app.ts', '../store/client.ts'],
    ['src/gateway/app.ts', '../metrics.ts'],
    ['src/cli/replica.ts', '../store/replica-process.ts'],
    ['test/store/kv.test.ts', '../../src/store/kv.ts'],
  ] as const;
  for (const [path, specifier] of allowed) {
    const complaints = tidy([{ path, text: `import { a } from '${specifier}';` }]);
    t.deepEqual(
      complaints.filter((complaint) => complaint.includes('imports') && complaint.includes('in sight')),
      [],
      path,
    );
  }
});

const bannedCalls = [
  ['Date.now()', 'Clock.now'],
  ['new Date()', 'Clock.now'],
  ['performance.now()', 'Clock.now'],
  ['process.hrtime.bigint()', 'Clock.now'],
  ['setTimeout(f, 1)', 'Clock.setTimer'],
  ['setInterval(f, 1)', 'Clock.setTimer'],
  ['AbortSignal.timeout(1)', 'Clock.setTimer'],
  ["import { setTimeout } from 'node:timers/promises'", 'Clock.setTimer'],
  ['setImmediate(f)', 'Clock.defer'],
  ['process.nextTick(f)', 'Clock.defer'],
  ['Math.random()', 'Random.next'],
] as const;

for (const [call, instead] of bannedCalls) {
  test(`calls: ${call} is told to use ${instead}`, (t) => {
    for (const path of ['src/raft/raft.ts', 'src/store/server.ts', 'src/gateway/app.ts']) {
      t.true(
        tidy(used(path, `const a = 1;\n${call};`)).some(
          (complaint) => complaint.startsWith(`${path}:2:`) && complaint.includes(instead),
        ),
        path,
      );
    }
  });
}

test('calls: clocks, comments and the edges of the product are left alone', (t) => {
  const clock = used(
    'src/store/server.ts',
    'clock.setTimer(1, f); stream.setTimeout(1);\n/* Date.now() */ // Math.random()',
  );
  t.deepEqual(tidy(clock), []);
  t.deepEqual(tidy(used('src/gateway/server.ts', 'setTimeout(f, 1);')), []);
  t.deepEqual(tidy(used('src/system-clock.ts', 'performance.now();')), []);
});

test('words: leftovers and the making of the product are found, wherever they stand', (t) => {
  const offences = [
    'TO' + 'DO later',
    'FIX' + 'ME',
    'see /wor' + 'k/notes',
    'issue ' + '12',
    '(H' + '9)',
    'session ' + 'ends',
  ];
  for (const words of offences) {
    t.is(tidy(used('src/logger.ts', `// ${words}`)).length, 1, words);
    t.is(tidy([{ path: 'test/x.test.ts', text: `t.is(1, 1); // ${words}` }]).length, 1, words);
  }
});

test('lines: 140 characters fit, 141 do not', (t) => {
  t.deepEqual(tidy(used('src/logger.ts', 'x'.repeat(140))), []);
  t.is(tidy(used('src/logger.ts', 'x'.repeat(141))).length, 1);
  t.deepEqual(tidy(used('src/logger.ts', `const message = '${'x'.repeat(200)}';`)), []);
});

test('assertions: a test file without one is found', (t) => {
  t.is(tidy([{ path: 'test/x.test.ts', text: "test('x', () => {}); // t.is(1, 1)" }]).length, 1);
  t.is(tidy([{ path: 'test/system/x.system.ts', text: "test('x', () => {});" }]).length, 1);
  t.deepEqual(tidy([{ path: 'test/x.test.ts', text: "test('x', (t) => t.is(1, 1));" }]), []);
});

test('dead files: a source file that only tests import is found', (t) => {
  const dead = { path: 'src/store/dead.ts', text: '' };
  const itsTest = { path: 'test/store/dead.test.ts', text: "import '../../src/store/dead.ts'; t.is(1, 1);" };
  t.is(tidy([dead, itsTest]).length, 1);
  t.deepEqual(tidy([...used(dead.path, ''), itsTest]), []);
});
