/** What a replica does with its stores, at random, and a model of what it was told is durable. */
import { type Entry, type HardState, index, term } from '../../src/raft/types.ts';
import { noPrecondition } from '../../src/store/command.ts';
import { decodeCommand, encodeCommand } from '../../src/store/command-codec.ts';
import type { OpenStores } from './disk-fixture.ts';
import type { SeededRandom } from './random.ts';

export const keys: readonly string[] = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

export interface LogContent {
  readonly entries: readonly Entry[];
  readonly hardState: HardState;
}

interface NextBatch {
  readonly content: LogContent;
  readonly truncateFrom: number | null;
  readonly added: readonly Entry[];
}

export class WorkloadModel {
  acknowledged: LogContent = { entries: [], hardState: { currentTerm: term(0), votedFor: null, claim: null } };
  /** All that ever was acknowledged: damage may bring back what was replaced. */
  readonly earlier: LogContent[] = [];
  /** What the batch in flight would make of it. */
  inFlight: LogContent | null = null;
  /** Entries up to here are not replaced: they were handed to the state machine. */
  committed = 0;
  /** The state machine said that it had written these. */
  applied = 0;

  /** The key and the value that the entries up to `through` leave there, and where it was written. */
  stateAt(entries: readonly Entry[], through: number): ReadonlyMap<string, { value: string; revision: number }> {
    const state = new Map<string, { value: string; revision: number }>();
    for (const entry of entries.slice(0, through)) {
      const command = entry.type === 'command' ? decodeCommand(entry.command) : null;
      if (command?.type !== 'put') continue;
      state.set(command.key, { value: Buffer.from(command.value).toString(), revision: entry.index });
    }
    return state;
  }

  next(random: SeededRandom): NextBatch {
    const { entries, hardState } = this.acknowledged;
    const raised = hardState.currentTerm === 0 || random.chance(0.2);
    const currentTerm = raised ? term(hardState.currentTerm + 1) : hardState.currentTerm;
    const truncates = raised && entries.length > this.committed && random.chance(0.6);
    const truncateFrom = truncates ? random.integer(this.committed + 1, entries.length) : null;
    const kept = truncateFrom === null ? entries : entries.slice(0, truncateFrom - 1);
    const added = Array.from({ length: random.integer(0, 4) }, (_, nth) =>
      entryAt(kept.length + 1 + nth, currentTerm, random.pick(keys)),
    );
    const votedFor = raised ? random.pick(['r1', 'r2', null]) : hardState.votedFor;
    return {
      content: { entries: [...kept, ...added], hardState: { currentTerm, votedFor, claim: null } },
      truncateFrom,
      added,
    };
  }
}

/** The first entry opens the session that all others write in. */
function entryAt(at: number, entryTerm: number, key: string): Entry {
  const stamp = { session: index(1), sequence: at, lowestUnanswered: Math.max(1, at - 5) };
  const value = Buffer.from(`${at} of term ${entryTerm}`);
  const put = { type: 'put', stamp, key, value, contentType: '', precondition: noPrecondition } as const;
  const command = encodeCommand(at === 1 ? { type: 'openSession' } : put);
  return { index: index(at), term: term(entryTerm), type: 'command', command };
}

/** Appends, applies and reads, `batches` times; rejects when a store says that it can no longer be used. */
export async function useStores(
  { logStore, machine }: OpenStores,
  model: WorkloadModel,
  random: SeededRandom,
  batches: number,
): Promise<void> {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const apply = (through: number) => {
    const group = model.acknowledged.entries.slice(machine.appliedInMemory.index, through);
    const last = group.at(-1);
    if (last === undefined) return;
    model.committed = Math.max(model.committed, last.index);
    machine.apply(group, logStore.chainHash(last.index)).written.then(() => {
      model.applied = Math.max(model.applied, last.index);
    }, failed.reject);
    if (random.chance(0.3)) machine.hurry();
  };
  const read = async () => {
    const { last } = logStore.state;
    if (last.index > 0) await logStore.read(index(random.integer(1, last.index)), last.index, 512);
    await machine.query({ type: 'list', prefix: '', after: null, limit: 3, keysOnly: true });
  };
  apply(model.committed);
  for (let left = batches; left > 0; left--) {
    const { content, truncateFrom, added } = model.next(random);
    model.inFlight = content;
    const appending = logStore.append({
      hardState: content.hardState,
      truncateFrom: truncateFrom === null ? null : index(truncateFrom),
      entries: added,
    });
    await Promise.race([appending, failed.promise]);
    model.acknowledged = content;
    model.earlier.push(content);
    model.inFlight = null;
    apply(random.integer(model.committed, content.entries.length));
    if (random.chance(0.1)) await Promise.race([read(), failed.promise]);
  }
}

export async function readLog({ logStore }: OpenStores): Promise<readonly Entry[]> {
  const { last } = logStore.state;
  const entries: Entry[] = [];
  while (entries.length < last.index) {
    entries.push(...(await logStore.read(index(entries.length + 1), last.index, 4096)));
  }
  return entries;
}

/** As text, to be compared. */
export function plainEntries(entries: readonly Entry[]): readonly string[] {
  return entries.map((entry) => {
    const bytes = entry.type === 'command' ? entry.command : new Uint8Array();
    return `${entry.term}/${entry.index} ${Buffer.from(bytes).toString('latin1')}`;
  });
}
