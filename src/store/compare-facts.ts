/** What compares say of one target together: whether any state can satisfy them. */
import { unreachable } from '../raft/assert.ts';
import { targetName } from './names.ts';
import type { Compare, Comparison, Scalar, Target } from './transaction.ts';

/** Null if some state may satisfy all of them; else the place of the first that contradicts those before it. */
export function contradictionIn(compares: readonly Compare[]): number | null {
  const facts = new Map<string, TargetFacts>();
  for (const [place, compare] of compares.entries()) {
    const name = targetName(targetOf(compare));
    const known = facts.get(name) ?? new TargetFacts();
    facts.set(name, known);
    if (!known.add(compare)) return place;
  }
  return null;
}

function targetOf(compare: Compare): Target {
  return compare.of === 'value' ? { type: 'key', key: compare.key } : compare.target;
}

class TargetFacts {
  /** What was said of its being there. */
  readonly #said = new Set<boolean>();
  readonly #numbers = { version: new Range(), modRevision: new Range(), createRevision: new Range() };
  readonly #values = { equal: new Set<string>(), different: new Set<string>() };
  readonly #fields = new Map<string, FieldFacts>();

  /** False if no state satisfies this and all that was added before. */
  add(compare: Compare): boolean {
    switch (compare.of) {
      case 'exists':
        this.#said.add(compare.is);
        break;
      case 'version':
      case 'modRevision':
      case 'createRevision':
        this.#addNumber(this.#numbers[compare.of], compare.is, compare.number);
        break;
      case 'value': {
        // Of a key that is not there it holds neither way.
        this.#said.add(true);
        const bytes = Buffer.from(compare.value).toString('latin1');
        this.#values[compare.is === '=' ? 'equal' : 'different'].add(bytes);
        break;
      }
      case 'field': {
        this.#said.add(true);
        const field = this.#fields.get(compare.field) ?? new FieldFacts();
        this.#fields.set(compare.field, field);
        field.add(compare.is, compare.scalar);
        break;
      }
      default:
        unreachable(compare);
    }
    return this.#isPossible();
  }

  /** All three numbers are 0 of what is not there, and 1 at least of what is. */
  #addNumber(range: Range, is: Comparison, number: number): void {
    if (is === '>') range.add('>=', number + 1);
    else if (is === '<') range.add('<=', number - 1);
    else range.add(is, number);
    if (!range.holds(0)) this.#said.add(true);
    if (range.isBelow(1)) this.#said.add(false);
  }

  #isPossible(): boolean {
    if (this.#said.size === 2) return false;
    const numbers = Object.values(this.#numbers);
    if (this.#said.has(false)) return numbers.every((range) => range.holds(0));
    const { equal, different } = this.#values;
    return (
      numbers.every((range) => range.holdsWholeNumberFrom(this.#said.has(true) ? 1 : 0)) &&
      equal.size <= 1 &&
      equal.isDisjointFrom(different) &&
      [...this.#fields.values()].every((field) => field.isPossible)
    );
  }
}

/** The numbers that satisfy every comparison with one. */
class Range {
  #low = Number.NEGATIVE_INFINITY;
  #lowIsIn = true;
  #high = Number.POSITIVE_INFINITY;
  #highIsIn = true;
  readonly #different = new Set<number>();

  add(is: Comparison, number: number): void {
    if (is === '!=') this.#different.add(number);
    if (is === '=' || is === '>=' || is === '>') this.#raise(number, is !== '>');
    if (is === '=' || is === '<=' || is === '<') this.#lower(number, is !== '<');
  }

  get isEmpty(): boolean {
    return this.#low > this.#high || (this.#low === this.#high && !this.holds(this.#low));
  }

  holds(number: number): boolean {
    if (number < this.#low || number > this.#high || this.#different.has(number)) return false;
    return (number > this.#low || this.#lowIsIn) && (number < this.#high || this.#highIsIn);
  }

  isBelow(number: number): boolean {
    return this.#high < number;
  }

  /** At most as many are passed over as comparisons left out. */
  holdsWholeNumberFrom(lowest: number): boolean {
    let number = Math.max(lowest, this.#low);
    while (this.#different.has(number)) number += 1;
    return number <= Math.min(this.#high, Number.MAX_SAFE_INTEGER);
  }

  #raise(number: number, isIn: boolean): void {
    if (number < this.#low) return;
    this.#lowIsIn = number === this.#low ? this.#lowIsIn && isIn : isIn;
    this.#low = number;
  }

  #lower(number: number, isIn: boolean): void {
    if (number > this.#high) return;
    this.#highIsIn = number === this.#high ? this.#highIsIn && isIn : isIn;
    this.#high = number;
  }
}

class FieldFacts {
  readonly #equal = new Set<Scalar>();
  readonly #different = new Set<Scalar>();
  readonly #range = new Range();
  /** Only numbers have an order. */
  #isNumber = false;

  add(is: Comparison, scalar: Scalar): void {
    if (is === '=') this.#equal.add(scalar);
    if (is === '!=') this.#different.add(scalar);
    if (typeof scalar === 'number') this.#range.add(is, scalar);
    if (is !== '=' && is !== '!=') this.#isNumber = true;
  }

  get isPossible(): boolean {
    const [equal] = this.#equal;
    if (this.#equal.size > 1 || !this.#equal.isDisjointFrom(this.#different) || this.#range.isEmpty) return false;
    return equal === undefined || typeof equal === 'number' || !this.#isNumber;
  }
}
