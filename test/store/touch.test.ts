import { registerHooks } from 'node:module';
import test from 'ava';
import { createLogger, silentLogger } from '../../src/logger.ts';
import { type Entry, index, term } from '../../src/raft/types.ts';
import { type Command, noPrecondition } from '../../src/store/command.ts';
import { decodeCommand, encodeCommand } from '../../src/store/command-codec.ts';
import { declarationOf } from '../../src/store/declaration.ts';
import type { UndeclaredTouch } from '../../src/store/evaluator.ts';
import { historyBoundsDefault } from '../../src/store/history.ts';
import { keyOfValue } from '../../src/store/keys.ts';
import type { openStateMachine } from '../../src/store/state-machine.ts';
import { isCacheablePrefix, type Touch, touchesOf, touchOfKey, touchOfPrefix } from '../../src/store/touch.ts';
import { reportUndeclaredTouches } from '../../src/store/touch-report.ts';
import { systemClock } from '../../src/system-clock.ts';
import { MemoryDisk, type MemoryStore } from './memory-disk.ts';
import { createRandom } from './random.ts';
import { keysInPlay, randomHistory, StateModel } from './state-model.ts';

const path = '/data/state';
const hash = Buffer.from('12345678');
const stampOf = (sequence: number) => ({ session: index(1), sequence, lowestUnanswered: 1 });

const put = (key: string, sequence = 1, precondition = noPrecondition): Command => {
  const value = Buffer.from('v');
  return { type: 'put', stamp: stampOf(sequence), key, value, contentType: '', precondition };
};

const deletion = (key: string, sequence = 1): Command => {
  return { type: 'delete', stamp: stampOf(sequence), key, precondition: noPrecondition };
};

const entry = (command: Command, at: number): Entry => {
  return { term: term(1), index: index(at), type: 'command', command: encodeCommand(command) };
};

/** Of commands that can list what they touch. */
function listOf(command: Command): readonly Touch[] {
  const touches = touchesOf(command);
  if (touches === 'everything') throw new Error('expected a list');
  return touches;
}

test('scheme 1 means the same on every machine and in every version', (t) => {
  const keys = ['a', 'b/', 'books/000001', 'é', '\uffff', '𐀀', 'x'.repeat(1024)];
  t.deepEqual(keys.map(touchOfKey), [3627616651, 2402868563, 629008530, 1075120844, 3442577694, 3356023445, 574445113]);
  t.deepEqual(
    ['b/', 'books/', 'a/b/', '/', 'é/', '𐀀/'].map(touchOfPrefix),
    [895903220, 1631296690, 2942456353, 2161644634, 4282949145, 1543599853],
  );
});

test('a key and a prefix of the same text are different names', (t) => {
  for (const name of ['/', 'b/', 'a/b/', `${'x'.repeat(1000)}/`]) t.not(touchOfKey(name), touchOfPrefix(name));
});

test('put and delete touch their key and each prefix of it that ends in a slash', (t) => {
  const cases: readonly (readonly [key: string, prefixes: readonly string[]])[] = [
    ['a', []],
    ['a/b', ['a/']],
    ['a/b/', ['a/', 'a/b/']],
    ['/', ['/']],
    ['/a', ['/']],
    ['//', ['/', '//']],
    ['é/𐀀/x', ['é/', 'é/𐀀/']],
  ];
  for (const [key, prefixes] of cases) {
    const expected = [touchOfKey(key), ...prefixes.map(touchOfPrefix)];
    t.deepEqual(touchesOf(put(key)), expected, key);
    t.deepEqual(touchesOf(deletion(key)), expected, key);
  }
});

test('what opens a session touches nothing', (t) => {
  t.deepEqual(touchesOf({ type: 'openSession' }), []);
});

test('sixteen prefixes are touched, and the seventeenth is not cacheable', (t) => {
  const deep = (depth: number) => 'd/'.repeat(depth);
  const expected = Array.from({ length: 16 }, (_, nth) => touchOfPrefix(deep(nth + 1)));
  t.deepEqual(touchesOf(put(`${deep(40)}x`)), [touchOfKey(`${deep(40)}x`), ...expected]);
  t.true(isCacheablePrefix(deep(16)));
  t.false(isCacheablePrefix(deep(17)));
});

test('only well-formed prefixes that end in a slash are cacheable', (t) => {
  for (const prefix of ['/', 'a/', 'a/b/', 'é/']) t.true(isCacheablePrefix(prefix), prefix);
  for (const prefix of ['', 'a', 'a/b', '/a', '\ud800/']) t.false(isCacheablePrefix(prefix), prefix);
});

/** Few letters, so that one is often the prefix of another. */
const randomName = (random: ReturnType<typeof createRandom>, lengthMax: number) =>
  Array.from({ length: 1 + random.below(lengthMax) }, () => random.pick(['a', '/', 'é', '/', '𐀀'])).join('');

test('whatever cacheable prefix a key begins with, a write to the key touches it, and no other', (t) => {
  const random = createRandom(11);
  let touched = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const key = randomName(random, 40);
    const prefix = random.below(2) === 0 ? randomName(random, 4) : [...key].slice(0, random.below(40)).join('');
    if (!isCacheablePrefix(prefix)) continue;
    const isTouched = listOf(put(key)).includes(touchOfPrefix(prefix));
    t.is(isTouched, key.startsWith(prefix), `${prefix} of ${key}`);
    if (isTouched) touched += 1;
  }
  t.true(touched > 1000);
});

test('a command declares a key when it has the touches of that key', (t) => {
  for (const key of keysInPlay) {
    for (const other of keysInPlay) {
      for (const command of [put(other), deletion(other), { type: 'openSession' } as const]) {
        const has = new Set(listOf(command));
        t.is(
          declarationOf(command).key(key),
          listOf(put(key)).every((touch) => has.has(touch)),
        );
      }
    }
  }
});

test('touches spread over the floors of a gateway as chance would', (t) => {
  const naming: readonly ((nth: number) => string)[] = [
    (nth) => `k${nth}`,
    (nth) => `books/${String(nth).padStart(6, '0')}`,
    (nth) => `user/${nth}/name`,
    (nth) => `a/${nth}/b/${nth}`,
  ];
  for (const nameOf of naming) {
    const slots = new Set(Array.from({ length: 10_000 }, (_, nth) => touchOfKey(nameOf(nth)) % 65_536));
    // Chance hits 9,274 of 65,536 slots.
    t.true(slots.size > 9_150, `${nameOf(1)}: ${slots.size}`);
  }
});

async function openMachine(
  open: typeof openStateMachine,
  disk: MemoryDisk,
  onUndeclaredTouch: (kind: UndeclaredTouch) => void,
) {
  const options = {
    firstStart: true,
    syncWrites: true,
    clock: systemClock,
    gatherMs: 0,
    history: historyBoundsDefault,
    log: silentLogger,
  };
  return open(disk, path, { ...options, onUndeclaredTouch });
}

test('every value that an entry changes on the disk is touched by its command', async (t) => {
  const { openStateMachine: open } = await import('../../src/store/state-machine.ts');
  const disk = new MemoryDisk();
  const machine = await openMachine(open, disk, () => t.fail('every change is declared'));
  const { batches } = disk.stores.get(path) as MemoryStore;
  let changed = 0;
  for (const { entry } of randomHistory(createRandom(3), 1500, new StateModel())) {
    await machine.apply([entry], hash).written;
    const command = entry.type === 'command' ? decodeCommand(entry.command) : null;
    const touches = command === null ? [] : listOf(command);
    const rows = batches.at(-1)?.filter(({ key }) => key[0] === 'k'.charCodeAt(0)) ?? [];
    for (const key of rows.map((row) => keyOfValue(row.key))) {
      for (const touch of listOf(put(key))) t.true(touches.includes(touch), key);
      changed += 1;
    }
  }
  t.true(changed > 300);
  await machine.close();
});

test('a change that is not declared is reported by its kind, and made; what changes nothing is not', async (t) => {
  // Today's commands change the key they name. This state machine believes that they declare nothing.
  const declaresNothing = 'data:text/javascript,export const declarationOf = () => ({ key: () => false });';
  const hooks = registerHooks({
    resolve(specifier, context, next) {
      if (!context.parentURL?.endsWith('?declaresNothing')) return next(specifier, context);
      if (specifier === './declaration.ts') return { url: declaresNothing, format: 'module', shortCircuit: true };
      return next(specifier === './evaluator.ts' ? `${specifier}?declaresNothing` : specifier, context);
    },
  });
  const specifier = '../../src/store/state-machine.ts?declaresNothing';
  const { openStateMachine: open }: { openStateMachine: typeof openStateMachine } = await import(specifier);
  hooks.deregister();
  const reported: UndeclaredTouch[] = [];
  const machine = await openMachine(open, new MemoryDisk(), (kind) => reported.push(kind));
  const commands: readonly (readonly [command: Command, reports: number])[] = [
    [{ type: 'openSession' }, 0],
    [put('k', 1), 1],
    [put('k', 1), 0],
    [put('k', 2, { ifMatch: null, ifNoneMatch: '*' }), 0],
    [deletion('none', 3), 0],
    [deletion('k', 4), 1],
    [put('j', 5), 1],
  ];
  for (const [nth, [command, reports]] of commands.entries()) {
    reported.length = 0;
    await machine.apply([entry(command, nth + 1)], hash).written;
    t.deepEqual(
      reported,
      Array.from({ length: reports }, () => 'key'),
      `entry ${nth + 1}`,
    );
  }
  t.like(await machine.query({ type: 'get', key: 'j', withValue: false }), { item: { modRevision: 7 } });
  await machine.close();
});

test('each change that was not declared is counted, and logged once', (t) => {
  const lines: string[] = [];
  const counted: UndeclaredTouch[] = [];
  const log = createLogger({ id: 'r1', level: 'info', write: (line) => lines.push(line) });
  const report = reportUndeclaredTouches(log, (kind) => counted.push(kind));
  for (let nth = 0; nth < 3; nth += 1) report('key');
  t.deepEqual(counted, ['key', 'key', 'key']);
  t.is(lines.length, 1);
  t.like(JSON.parse(lines[0] ?? ''), { level: 'error', kind: 'key' });
});
