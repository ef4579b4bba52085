import type { UndeclaredTouch } from '../../src/store/evaluator.ts';

/** No run goes on after a cache was left untold of a change. */
export function undeclaredTouch(kind: UndeclaredTouch): never {
  throw new Error(`a command changed a ${kind} that it does not declare`);
}
