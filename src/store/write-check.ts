/** Is what came back a result of what was to be written? */
import { unreachable } from '../raft/assert.ts';
import type { Write, WriteResults, WriteType } from './client-types.ts';
import type { CommandResult } from './command.ts';
import { answersTransaction } from './read-check.ts';

export function answersWrite(write: Write, result: CommandResult): result is WriteResults[WriteType] {
  switch (write.type) {
    case 'put':
      return result.type === 'put' || result.type === 'preconditionFailed';
    case 'delete':
      return ['deleted', 'notFound', 'preconditionFailed'].includes(result.type);
    case 'transaction':
      if (result.type !== 'transaction' && result.type !== 'transactionFailed') return false;
      // What was given before was given to another transaction of the same request.
      return ('replayed' in result && result.replayed) || answersTransaction(write.transaction, result);
    case 'define':
      if (write.definition === null) return ['dropped', 'notFound', 'definitionConflict'].includes(result.type);
      return ['defined', 'definitionConflict', 'idFieldDiffers', 'tooManyCollections'].includes(result.type);
    default:
      return unreachable(write);
  }
}
