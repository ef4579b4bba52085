import test from 'ava';
import { contradictionIn } from '../../src/store/compare-facts.ts';
import { type Compare, type Comparison, comparisons, type Scalar, type Target } from '../../src/store/transaction.ts';
import { createRandom, type SeededRandom } from './random.ts';

const target: Target = { type: 'key', key: 'k' };
const other: Target = { type: 'document', collection: 'c', id: 'k' };

/** What may be there under one name. */
interface Found {
  readonly version: number;
  readonly modRevision: number;
  readonly createRevision: number;
  readonly value: string;
  readonly fields: Readonly<Record<string, Scalar>>;
}

const scalars: readonly Scalar[] = [null, true, 'a', 'b', -1, 0, 0.5, 1, 2];
const counts = [0, 1, 2, 3];

/** Every state that differs from others by what compares below can tell. */
const states: readonly (Found | null)[] = [
  null,
  ...[1, 2, 3, 4].flatMap((version) =>
    [1, 2, 3, 4].flatMap((modRevision) =>
      ['v', 'w', 'x'].flatMap((value) =>
        [...scalars, -2, -0.5, 0.25, 0.75, 1.5, 3, 'c', false].map((f) => {
          return { version, modRevision, createRevision: 1, value, fields: { f } };
        }),
      ),
    ),
  ),
];

function compared(a: number, is: Comparison, b: number): boolean {
  const answers = { '=': a === b, '!=': a !== b, '<': a < b, '<=': a <= b, '>': a > b, '>=': a >= b };
  return answers[is];
}

/** As the rules say, and as an evaluation would that lets `!=` hold across types. */
function holds(compare: Compare, found: Found | null): boolean {
  switch (compare.of) {
    case 'exists':
      return compare.is === (found !== null);
    case 'value': {
      const same = found?.value === Buffer.from(compare.value).toString();
      return found !== null && (compare.is === '=') === same;
    }
    case 'field': {
      const value = found?.fields[compare.field];
      if (value === undefined) return false;
      if (typeof value === 'number' && typeof compare.scalar === 'number') {
        return compared(value, compare.is, compare.scalar);
      }
      if (compare.is === '=') return value === compare.scalar;
      return compare.is === '!=' && value !== compare.scalar;
    }
    default:
      return compared(found?.[compare.of] ?? 0, compare.is, compare.number);
  }
}

function randomCompare(random: SeededRandom): Compare {
  const dice = random.below(6);
  if (dice === 0) return { of: 'exists', target, is: random.below(2) === 0 };
  if (dice === 1) {
    return {
      of: 'value',
      key: 'k',
      is: random.pick(['=', '!='] as const),
      value: Buffer.from(random.pick(['v', 'w'])),
    };
  }
  if (dice < 4) {
    const of = random.pick(['version', 'modRevision'] as const);
    return { of, target, is: random.pick(comparisons), number: random.pick(counts) };
  }
  const scalar = random.pick(scalars);
  const is = typeof scalar === 'number' ? random.pick(comparisons) : random.pick(['=', '!='] as const);
  return { of: 'field', target, field: 'f', is, scalar };
}

test('compares contradict each other exactly if no state satisfies them all', (t) => {
  const random = createRandom(21);
  let contradictory = 0;
  for (let round = 0; round < 1500; round += 1) {
    const compares = Array.from({ length: 1 + random.below(5) }, () => randomCompare(random));
    const place = contradictionIn(compares);
    const possible = (some: readonly Compare[]) => states.some((found) => some.every((each) => holds(each, found)));
    const shown = JSON.stringify(compares);
    t.is(place === null, possible(compares), shown);
    if (place === null) continue;
    contradictory += 1;
    t.true(possible(compares.slice(0, place)), shown);
    t.false(possible(compares.slice(0, place + 1)), shown);
  }
  t.true(contradictory > 250 && contradictory < 1250, `${contradictory}`);
});

test('what is compared of another target says nothing', (t) => {
  const compares: readonly Compare[] = [
    { of: 'exists', target, is: true },
    { of: 'exists', target: other, is: false },
  ];
  t.is(contradictionIn(compares), null);
});

test('no number is above the largest', (t) => {
  const largest = Number.MAX_SAFE_INTEGER;
  t.is(contradictionIn([{ of: 'version', target, is: '>', number: largest }]), 0);
  t.is(contradictionIn([{ of: 'version', target, is: '>=', number: largest }]), null);
  t.is(contradictionIn([{ of: 'version', target, is: '<', number: 0 }]), 0);
});
