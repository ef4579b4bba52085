/** Sound commands of the catalog, of every shape that there is. */

import { index } from '../../src/raft/types.ts';
import type { IndexNumber } from '../../src/store/collection.ts';
import type { BuiltDocument, Command, SessionStamp } from '../../src/store/command.ts';
import { contradictionIn } from '../../src/store/compare-facts.ts';
import { targetName } from '../../src/store/names.ts';
import { compareTexts } from '../../src/store/text-order.ts';
import {
  type Compare,
  comparisons,
  type DocumentBasis,
  type FieldTerms,
  indexKinds,
  type KnownDocument,
  type Operation,
  type Scalar,
  type Target,
  type Transaction,
} from '../../src/store/transaction.ts';
import type { SeededRandom } from './random.ts';

export const stamp: SessionStamp = { session: index(7), sequence: 12, lowestUnanswered: 10 };

export const keysInPlay = ['a', 'b/1', 'b/2', 'c/Ω/𐀀', '\uFEFF\0'] as const;
export const collectionsInPlay = ['books', 'orders', 'Bücher/𐀀'] as const;
export const idsInPlay = ['1', '2', 'Ω', '\uffff𐀀'] as const;
export const fieldsInPlay = ['title', 'price', 'é', '__proto__'] as const;
const texts = ['', 'a', 'systems', 'Ω\uffff', '𐀀'] as const;
const numbers = [-1.5, 0, 1, 15, Number.MAX_SAFE_INTEGER, 1e300] as const;

function maybe<T>(random: SeededRandom, make: () => T): T | null {
  return random.below(2) === 0 ? null : make();
}

function several<T>(random: SeededRandom, atMost: number, make: () => T): T[] {
  return Array.from({ length: random.below(atMost + 1) }, make);
}

export function randomTarget(random: SeededRandom): Target {
  if (random.below(2) === 0) return { type: 'key', key: random.pick(keysInPlay) };
  return { type: 'document', collection: random.pick(collectionsInPlay), id: random.pick(idsInPlay) };
}

function randomTexts(random: SeededRandom): string[] {
  return texts.filter(() => random.below(2) === 0).sort(compareTexts);
}

function randomNumbers(random: SeededRandom): number[] {
  return numbers.filter(() => random.below(2) === 0);
}

function randomTerms(random: SeededRandom): readonly FieldTerms[] {
  return fieldsInPlay.flatMap((field) =>
    indexKinds
      .filter(() => random.below(4) === 0)
      .map((kind) => ({ field, kind, terms: kind === 'number' ? randomNumbers(random) : randomTexts(random) })),
  );
}

function randomKnown(random: SeededRandom): KnownDocument {
  const changed = fieldsInPlay.filter(() => random.below(2) === 0);
  return { revision: random.pick([0, 1, 2 ** 40]), terms: randomTerms(random), changed };
}

function randomBasis(random: SeededRandom): Omit<DocumentBasis, 'known'> {
  return { definition: index(random.pick([1, 9, 2 ** 45])), terms: randomTerms(random) };
}

function randomScalar(random: SeededRandom): Scalar {
  return random.pick<Scalar>([null, true, false, ...numbers, ...texts]);
}

function randomCompare(random: SeededRandom): Compare {
  const target = randomTarget(random);
  const of = random.pick(['exists', 'version', 'modRevision', 'createRevision', 'value', 'field'] as const);
  if (of === 'exists') return { of, target, is: random.below(2) === 0 };
  if (of === 'value') {
    const value = Buffer.alloc(random.below(3), random.below(256));
    return { of, key: random.pick(keysInPlay), is: random.pick(['=', '!='] as const), value };
  }
  if (of === 'field') {
    const scalar = randomScalar(random);
    const is = typeof scalar === 'number' ? random.pick(comparisons) : random.pick(['=', '!='] as const);
    return { of, target, field: random.pick(fieldsInPlay), is, scalar };
  }
  return { of, target, is: random.pick(comparisons), number: random.pick([0, 1, 2, 17, Number.MAX_SAFE_INTEGER]) };
}

function randomOperation(random: SeededRandom): Operation {
  const target = randomTarget(random);
  const ttlMs = maybe(random, () => random.pick([1, 30_000]));
  const json = Buffer.from(random.pick(['{}', '{"title":"a","é":null}', '[1]', 'no JSON']));
  switch (random.below(9)) {
    case 0:
      return { type: 'get', target };
    case 1: {
      const after = random.pick([null, '', 'b/1']);
      return { type: 'range', prefix: random.pick(['', 'b/']), after, limit: 1 + random.below(1000), keysOnly: true };
    }
    case 2: {
      const value = Buffer.alloc(random.below(30), random.below(256));
      return { type: 'put', key: random.pick(keysInPlay), value, contentType: random.pick(['', 'text/plain']), ttlMs };
    }
    case 3:
    case 4: {
      const basis = { ...randomBasis(random), known: maybe(random, () => randomKnown(random)) };
      const collection = random.pick(collectionsInPlay);
      return { type: 'putDocument', collection, id: random.pick(idsInPlay), json, ttlMs, basis };
    }
    case 5:
      return { type: 'patch', target, json, basis: target.type === 'key' ? null : randomBasis(random) };
    case 6: {
      const min = random.pick([null, -1.5, 0]);
      const max = random.pick([null, 0, 1e300]);
      return { type: 'add', target, field: random.pick(fieldsInPlay), amount: random.pick(numbers), min, max };
    }
    case 7: {
      const known = target.type === 'key' ? null : maybe(random, () => randomKnown(random));
      return { type: 'delete', target, known };
    }
    default:
      return { type: 'deleteRange', prefix: random.pick(['', 'b/', 'z']) };
  }
}

/** Each key and document is written at most once. */
function randomBranch(random: SeededRandom): readonly Operation[] {
  const written = new Set<string>();
  const operations = several(random, 5, () => randomOperation(random));
  const ranges = operations.filter((operation) => operation.type === 'deleteRange');
  return operations.filter((operation) => {
    if (operation.type === 'get' || operation.type === 'range') return true;
    if (operation.type === 'deleteRange') return operation === ranges[0];
    const target = writtenBy(operation);
    if (written.has(targetName(target))) return false;
    written.add(targetName(target));
    return target.type === 'document' || !target.key.startsWith(ranges[0]?.prefix ?? '\uffff');
  });
}

function writtenBy(operation: Exclude<Operation, { type: 'get' | 'range' | 'deleteRange' }>): Target {
  if (operation.type === 'put') return { type: 'key', key: operation.key };
  if (operation.type !== 'putDocument') return operation.target;
  return { type: 'document', collection: operation.collection, id: operation.id };
}

export function randomTransaction(random: SeededRandom): Transaction {
  const compares: Compare[] = [];
  for (const compare of several(random, 4, () => randomCompare(random))) {
    if (contradictionIn([...compares, compare]) === null) compares.push(compare);
  }
  return { compares, then: randomBranch(random), otherwise: randomBranch(random) };
}

function randomBuild(random: SeededRandom): Command {
  const areNumbers = random.below(2) === 0;
  const documents = idsInPlay
    .toSorted(compareTexts)
    .filter(() => random.below(2) === 0)
    .map((id): BuiltDocument => {
      return { id, modRevision: index(3), terms: areNumbers ? randomNumbers(random) : randomTexts(random) };
    });
  const from = random.pick([null, '0']);
  const to = random.pick([null, '\uffff𐀀\uffff']);
  return { type: 'build', collection: index(4), index: (2 ** 33) as IndexNumber, from, to, documents };
}

export function randomCatalogCommand(random: SeededRandom): Command {
  const dice = random.below(10);
  if (dice === 0) {
    const targets = new Map(
      several(random, 6, () => randomTarget(random)).map((target) => [targetName(target), target]),
    );
    const expired = [...targets.values()].map((target) => ({ target, modRevision: index(1 + random.below(9)) }));
    return {
      type: 'tick',
      stampMs: random.pick([0, 1_790_000_000_000]),
      expired,
      forgotten: random.pick([[], ['a', 'é']]),
    };
  }
  if (dice === 1) {
    const indexes = fieldsInPlay.flatMap((field) =>
      indexKinds.filter(() => random.below(3) === 0).map((kind) => ({ field, kind })),
    );
    const definition = maybe(random, () => ({ idField: 'id', indexes }));
    return {
      type: 'define',
      stamp,
      name: random.pick(collectionsInPlay),
      definition,
      replaces: random.pick([null, 0, 8]),
    };
  }
  if (dice === 2) return randomBuild(random);
  const idempotency = maybe(random, () => ({ key: 'order ~1', fingerprint: Buffer.alloc(32, random.below(256)) }));
  return { type: 'transaction', stamp, idempotency, transaction: randomTransaction(random) };
}
