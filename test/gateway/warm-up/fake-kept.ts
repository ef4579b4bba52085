import type { Question } from '../../../src/gateway/warm-up/hot-list.ts';
import type { KeptAnswers, Warmed } from '../../../src/gateway/warm-up/warmer.ts';

export const keys = (count: number): readonly Question[] =>
  Array.from({ length: count }, (_, number) => ({ type: 'get', key: `k${number}`, withValue: true }));

/** Answers that are fetched when the test says so, or at once. */
export class FakeKept implements KeptAnswers {
  fetching = 0;
  canKeep = true;
  hot: readonly Question[] = [];
  /** In order; those that are asked for while it is null wait for `finish`. */
  outcome: Warmed | null = 'warmed';
  readonly asked: { readonly question: Question; readonly timeoutMs: number }[] = [];
  readonly underWay: ((outcome: Warmed) => void)[] = [];

  hottest(): Iterable<Question> {
    return this.hot;
  }

  warm(question: Question, timeoutMs: number): Promise<Warmed> {
    this.asked.push({ question, timeoutMs });
    if (this.outcome !== null) return Promise.resolve(this.outcome);
    return new Promise((resolve) => this.underWay.push(resolve));
  }

  finish(outcome: Warmed): void {
    this.underWay.shift()?.(outcome);
  }
}
