/** The state as simply as it can be said: judged against it, the real one must give the same answers. */
import { invariant } from '../../src/raft/assert.ts';
import { type Entry, type Index, index, term } from '../../src/raft/types.ts';
import type { Command, CommandResult, KeyValue, RevisionMatch } from '../../src/store/command.ts';
import { encodeCommand } from '../../src/store/command-codec.ts';
import type { SeededRandom } from './random.ts';

interface ModelSession {
  lowest: number;
  readonly results: Map<number, CommandResult>;
}

export class StateModel {
  readonly keys = new Map<string, KeyValue & { readonly value: Uint8Array }>();
  readonly sessions = new Map<Index, ModelSession>();

  apply(command: Command | null, at: Index): CommandResult {
    if (command === null) return { type: 'invalidCommand' };
    if (command.type === 'openSession') {
      this.sessions.set(at, { lowest: 1, results: new Map() });
      return { type: 'sessionOpened', session: at };
    }
    if (command.type !== 'put' && command.type !== 'delete') throw new Error(`the model knows no ${command.type}`);
    const { session: id, sequence, lowestUnanswered } = command.stamp;
    const session = this.sessions.get(id);
    if (session === undefined) return { type: 'sessionExpired' };
    session.lowest = Math.max(session.lowest, lowestUnanswered);
    const kept = session.results.get(sequence);
    if (sequence < session.lowest || sequence >= session.lowest + 65_536) return { type: 'sessionExpired' };
    if (kept !== undefined) return kept;
    const result = this.#execute(command, at);
    session.results.set(sequence, result);
    return result;
  }

  list(prefix: string, after: string | null): readonly KeyValue[] {
    const bytes = (key: string) => Buffer.from(key);
    return [...this.keys.values()]
      .filter(({ key }) => key.startsWith(prefix) && (after === null || Buffer.compare(bytes(key), bytes(after)) > 0))
      .sort((a, b) => Buffer.compare(bytes(a.key), bytes(b.key)));
  }

  #execute(command: Extract<Command, { type: 'put' | 'delete' }>, at: Index): CommandResult {
    const { key, precondition } = command;
    const old = this.keys.get(key);
    const matches = (match: RevisionMatch) => old !== undefined && (match === '*' || match.includes(old.modRevision));
    const failed =
      (precondition.ifMatch !== null && !matches(precondition.ifMatch)) ||
      (precondition.ifNoneMatch !== null && matches(precondition.ifNoneMatch));
    if (failed) return { type: 'preconditionFailed', revision: old?.modRevision ?? 0 };
    if (command.type === 'delete')
      return this.keys.delete(key) ? { type: 'deleted', revision: at } : { type: 'notFound' };
    const version = (old?.version ?? 0) + 1;
    this.keys.set(key, {
      key,
      createRevision: old?.createRevision ?? at,
      modRevision: at,
      version,
      contentType: command.contentType,
      sizeBytes: command.value.length,
      value: Buffer.from(command.value),
    });
    return { type: 'put', revision: at, version, created: old === undefined };
  }
}

export interface Step {
  readonly entry: Entry;
  /** Null for entries that are not commands. */
  readonly expected: CommandResult | null;
}

export const keysInPlay: readonly string[] = ['a', 'b', 'b/', 'b/1', 'b/2', 'c', 'é', '\uffff', '𐀀', 'b/𐀀'];

/** `count` entries from index 1 on, with what the model answers to each. */
export function randomHistory(random: SeededRandom, count: number, model: StateModel): readonly Step[] {
  const steps: Step[] = [];
  const sessions: Index[] = [index(99_999)];
  const lowest = new Map<Index, number>();
  const sent: Command[] = [];
  const command = (at: Index): Command => {
    const dice = random.below(100);
    if (dice < 2 || sessions.length === 1) return { type: 'openSession' };
    if (dice < 12 && sent.length > 0) return random.pick(sent.slice(-30));
    const session = random.below(20) === 0 ? random.pick(sessions) : (sessions.at(-1) as Index);
    const lowestUnanswered = (lowest.get(session) ?? 1) + (random.below(3) === 0 ? random.below(5) : 0);
    lowest.set(session, lowestUnanswered);
    const beyond = random.below(200) === 0 ? 65_536 : 0;
    const stamp = { session, sequence: lowestUnanswered + random.below(150) + beyond, lowestUnanswered };
    const key = random.pick(keysInPlay);
    const match = (): RevisionMatch | null => {
      if (random.below(3) > 0) return null;
      return random.pick<RevisionMatch>(['*', [], [model.keys.get(key)?.modRevision ?? 1, 3], [at - 1]]);
    };
    const precondition = { ifMatch: match(), ifNoneMatch: match() };
    if (random.below(4) === 0) return { type: 'delete', stamp, key, precondition };
    const value = Buffer.alloc(random.below(40), random.below(256));
    return { type: 'put', stamp, key, value, contentType: random.pick(['', 'text/plain']), precondition };
  };
  for (let nth = 1; nth <= count; nth += 1) {
    const at = index(nth);
    const id = { term: term(1 + Math.floor(nth / 100)), index: at };
    if (random.below(50) === 0) {
      steps.push({ entry: { ...id, type: 'noop' }, expected: null });
      continue;
    }
    if (random.below(50) === 0) {
      const garbage = Buffer.from(Array.from({ length: random.below(30) }, () => random.below(256)));
      steps.push({ entry: { ...id, type: 'command', command: garbage }, expected: model.apply(null, at) });
      continue;
    }
    const next = command(at);
    sent.push(next);
    const expected = model.apply(next, at);
    if (expected.type === 'sessionOpened') sessions.push(expected.session);
    steps.push({ entry: { ...id, type: 'command', command: encodeCommand(next) }, expected });
  }
  invariant(steps.length === count, 'a history has an entry for each index');
  return steps;
}
