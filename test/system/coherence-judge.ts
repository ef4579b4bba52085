/**
 * Judges readers of keys to which one writer writes 1, 2, 3, … : once an answer has shown a number, to the writer or to a
 * reader at whichever gateway, no read that begins afterwards shows a lower one. What comes before what is the order of
 * calls in this process: a read has begun no earlier than it says, and an answer was there no later.
 */

/** Read before the request leaves. */
export interface BegunRead {
  readonly key: string;
  /** What it must show at least. */
  readonly atLeast: number;
}

interface Numbers {
  /** The highest that an answer has shown; 0 stands for absence. */
  shown: number;
  /** The highest that was sent. */
  sent: number;
}

/** More of them say no more. */
const violationsMax = 10;

export class CoherenceJudge {
  readonly #numbers = new Map<string, Numbers>();
  readonly #violations: string[] = [];

  /** The first of them, in words. */
  get violations(): readonly string[] {
    return this.#violations;
  }

  /** To be called before the write leaves; gives the number to write. */
  writes(key: string): number {
    const numbers = this.#of(key);
    numbers.sent += 1;
    return numbers.sent;
  }

  acknowledged(key: string, number: number): void {
    const numbers = this.#of(key);
    numbers.shown = Math.max(numbers.shown, number);
  }

  reads(key: string): BegunRead {
    return { key, atLeast: this.#of(key).shown };
  }

  /** `by` says who answered, for the one who has to find out why. */
  answered({ key, atLeast }: BegunRead, number: number, by: string): void {
    const numbers = this.#of(key);
    const isKnown = Number.isInteger(number) && number >= 0 && number <= numbers.sent;
    if (!isKnown) this.#complain(`${by} answered ${number} for ${key}, and ${numbers.sent} was the last to be written`);
    else if (number < atLeast) this.#complain(`${key} was ${atLeast}, then ${by} answered ${number}`);
    else numbers.shown = Math.max(numbers.shown, number);
  }

  #of(key: string): Numbers {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const numbers = { shown: 0, sent: 0 };
    this.#numbers.set(key, numbers);
    return numbers;
  }

  #complain(violation: string): void {
    if (this.#violations.length < violationsMax) this.#violations.push(violation);
  }
}
