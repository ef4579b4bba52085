/** What becomes of a change that its command did not declare: it is counted, and the replica goes on. */
import type { Logger } from '../logger.ts';
import type { UndeclaredTouch } from './evaluator.ts';

/** The log hears of each kind once: there may be one in every entry. */
export function reportUndeclaredTouches(
  log: Logger,
  count: (kind: UndeclaredTouch) => void,
): (kind: UndeclaredTouch) => void {
  const logged = new Set<UndeclaredTouch>();
  return (kind) => {
    count(kind);
    if (logged.has(kind)) return;
    logged.add(kind);
    log.error('a command changed what it does not declare: gateways may keep what was there before', { kind });
  };
}
