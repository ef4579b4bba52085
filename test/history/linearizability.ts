/**
 * Whether what clients saw is what one store would have shown that did one thing at a time, each somewhere between its
 * question and its answer. It believes replies alone: no log, and not at which index a read says it was evaluated.
 * A condition names a revision that some reply has told.
 */
import { unreachable } from '../../src/raft/assert.ts';
import { keyHistories } from './key-history.ts';
import { searchKey } from './key-search.ts';
import type { Finding, Operation } from './operation.ts';

export interface LinearizabilityOptions {
  /** Configurations tried for one key before it gives up. */
  readonly stepsMax?: number;
  /**
   * What was there before the first operation, as acknowledged puts, one for each key that was there; nothing by default.
   * Only their revisions, versions and values count.
   */
  readonly opening?: readonly Operation[];
}

const checker = 'linearizability';

export function checkLinearizability(
  operations: readonly Operation[],
  { stepsMax = 2_000_000, opening = [] }: LinearizabilityOptions = {},
): readonly Finding[] {
  const { histories, problems } = keyHistories(operations, opening);
  if (problems.length > 0) return problems.map((message) => ({ checker, message, giveUp: false }));
  return histories.flatMap((history): readonly Finding[] => {
    const verdict = searchKey(history, stepsMax);
    switch (verdict.type) {
      case 'linearizable':
        return [];
      case 'notLinearizable':
        return [{ checker, message: `${history.key}: ${verdict.explanation}`, giveUp: false }];
      case 'gaveUp':
        return [{ checker, message: `${history.key}: gave up after ${verdict.steps} steps`, giveUp: true }];
      default:
        return unreachable(verdict);
    }
  });
}
