/** Committed entries in the form that the replay of a history takes. */
import { unreachable } from '../../src/raft/assert.ts';
import type { Entry } from '../../src/raft/types.ts';
import { decodeCommand } from '../../src/store/command-codec.ts';
import type { LoggedWrite } from '../history/logged-write.ts';
import { isCatalogKey } from './catalog/writes.ts';

/** A change of configuration is to the key-value store what a no-op is, and so is what a leader does for the catalog. */
export function decodeCommitted(entries: readonly Entry[]): readonly LoggedWrite[] {
  return entries.map(decodeEntry);
}

function decodeEntry(entry: Entry): LoggedWrite {
  const id = { index: entry.index, term: entry.term };
  if (entry.type !== 'command') return { ...id, type: 'noop' };
  const command = decodeCommand(entry.command);
  if (command === null) throw new Error(`entry ${entry.index} of term ${entry.term} holds no command`);
  switch (command.type) {
    case 'openSession':
      return { ...id, type: 'openSession' };
    case 'put': {
      if (isCatalogKey(command.key)) return { ...id, ...command.stamp, type: 'elsewhere' };
      const { stamp, key, value, precondition } = command;
      return { ...id, type: 'put', ...stamp, key, value: Buffer.from(value).toString(), condition: precondition };
    }
    case 'delete': {
      const { stamp, key, precondition } = command;
      return { ...id, type: 'delete', ...stamp, key, condition: precondition };
    }
    case 'transaction':
    case 'define':
      return { ...id, ...command.stamp, type: 'elsewhere' };
    case 'tick':
    case 'build':
    case 'sweep':
      return { ...id, type: 'noop' };
    default:
      return unreachable(command);
  }
}
