import { lack, type Requirement } from '../test/system/requirements.ts';
import { FlagError } from './flags.ts';

/** Throws FlagError, with what to do, where the machine lacks the tool. */
export function mustHave(tool: Requirement): void {
  const reason = lack(tool);
  if (reason !== null) throw new FlagError(`this benchmark needs ${tool}: ${reason}`);
}
