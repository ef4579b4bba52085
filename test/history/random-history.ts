/** Histories of a store that does everything right, or wrong in one way, with the log it would have left. */
import type { SeededRandom } from '../raft/seeded-random.ts';
import { compareKeys } from './key-order.ts';
import type { Effect } from './log-replay.ts';
import { type LoggedWrite, loggedCondition } from './logged-write.ts';
import type { Condition, Item, Operation, Outcome, Reply, Request } from './operation.ts';

/**
 * `staleRead`: a get is answered from before the last write that was over when it began. `lostWrite`: a put is answered
 * and not done. `duplicate`: a put that was answered is done once more, at the end. Clients read every key at the end.
 */
export type Fault = 'none' | 'staleRead' | 'lostWrite' | 'duplicate';

export interface HistoryOptions {
  readonly clients: number;
  readonly keys: number;
  readonly operations: number;
  readonly unknownProbability: number;
  /** Otherwise each write is a put without a condition. */
  readonly allWrites: boolean;
  readonly lists: boolean;
  readonly fault: Fault;
}

export interface GeneratedHistory {
  readonly operations: readonly Operation[];
  readonly log: readonly LoggedWrite[];
  /** Null if there was no occasion for the fault. */
  readonly fault: Operation | null;
}

interface Plan {
  readonly client: number;
  readonly invokedAt: number;
  /** When it happens; infinite: never. */
  readonly effectAt: number;
  readonly returnedAt: number;
  readonly outcome: Outcome['type'];
  readonly isFinalRead: boolean;
}

export function randomHistory(random: SeededRandom, options: HistoryOptions): GeneratedHistory {
  return new Generator(random, options).run();
}

const keyNames = ['a', 'a/1', 'a/2', 'b', '\uffff', '𐀀'];

class Generator {
  readonly #random: SeededRandom;
  readonly #options: HistoryOptions;
  readonly #log: LoggedWrite[] = [];
  readonly #sessions: number[] = [];
  readonly #sequences: number[] = [];
  readonly #operations: Operation[] = [];
  /** What each client last heard that the key was at. */
  readonly #heard = new Map<string, number>();
  /** What the store holds, by key, and everything it ever held. */
  readonly #items = new Map<string, Item>();
  readonly #past: { readonly item: Item; readonly replacedBy: Operation }[] = [];
  #values = 0;
  #fault: Operation | null = null;

  constructor(random: SeededRandom, options: HistoryOptions) {
    this.#random = random;
    this.#options = options;
  }

  run(): GeneratedHistory {
    for (let client = 0; client < this.#options.clients; client++) {
      this.#sessions.push(this.#append({ type: 'openSession' }));
    }
    const plans = this.#plan().sort((a, b) => a.invokedAt - b.invokedAt || a.client - b.client);
    const numbered = plans.map((plan, number) => ({ ...plan, number }));
    const happening = numbered.toSorted((a, b) => timeOf(a) - timeOf(b) || a.number - b.number);
    const finalReads = happening.filter(({ isFinalRead }) => isFinalRead);
    for (const plan of happening) if (!plan.isFinalRead) this.#happen(plan, this.#request(plan), plan.number);
    if (this.#options.fault === 'duplicate') this.#duplicate();
    for (const [key, plan] of finalReads.entries()) {
      this.#happen(plan, { type: 'get', key: this.#keys[key] ?? '' }, plan.number);
    }
    return { operations: this.#operations.sort((a, b) => a.number - b.number), log: this.#log, fault: this.#fault };
  }

  get #keys(): readonly string[] {
    return keyNames.slice(0, this.#options.keys);
  }

  #plan(): Plan[] {
    const { clients, operations, unknownProbability } = this.#options;
    const random = this.#random;
    const plans: Plan[] = [];
    const readyAt = Array.from({ length: clients }, () => random.between(0, 5));
    for (let nth = 0; nth < operations; nth++) {
      const client = nth % clients;
      const invokedAt = readyAt[client] as number;
      const outcome = random.chance(unknownProbability) ? 'unknown' : random.chance(0.05) ? 'notApplied' : 'answered';
      const happens = outcome === 'answered' || (outcome === 'unknown' && random.chance(0.6));
      const effectAt = happens ? invokedAt + random.between(0, 5) : Number.POSITIVE_INFINITY;
      const late = outcome === 'unknown' && random.chance(0.3) ? random.between(0, 60) : 0;
      const returnedAt = happens ? effectAt + random.between(0, 5) : invokedAt + random.between(0, 10);
      plans.push({ client, invokedAt, effectAt: effectAt + late, returnedAt, outcome, isFinalRead: false });
      // Often at once, at the very time of the answer.
      readyAt[client] = returnedAt + (random.chance(0.5) ? 0 : random.between(0, 10));
    }
    const endAt = Math.max(...readyAt) + 100;
    for (let key = 0; key < this.#options.keys; key++) {
      const times = { invokedAt: endAt + key, effectAt: endAt + key, returnedAt: endAt + key };
      plans.push({ client: 0, ...times, outcome: 'answered', isFinalRead: true });
    }
    return plans;
  }

  #request(plan: Plan): Request {
    const { allWrites, lists } = this.#options;
    const random = this.#random;
    const key = random.pick(this.#keys);
    const dice = random.next();
    if (plan.outcome !== 'unknown' && dice < 0.4) return { type: 'get', key };
    if (plan.outcome !== 'unknown' && lists && dice < 0.5) {
      const page = { type: 'list', prefix: random.pick(['', 'a', 'a/']), limit: random.integer(1, 4) } as const;
      return random.chance(0.3) ? { ...page, after: { key, cursor: '' } } : page;
    }
    const condition = allWrites ? this.#condition(plan.client, key) : ({ type: 'none' } as const);
    if (allWrites && random.chance(0.3)) return { type: 'delete', key, condition };
    return { type: 'put', key, value: `v${++this.#values}`, condition };
  }

  #condition(client: number, key: string): Condition {
    const dice = this.#random.next();
    const revision = this.#heard.get(`${client} ${key}`) ?? 0;
    if (dice < 0.25 && revision > 0) return { type: 'matches', revision };
    return dice < 0.35 ? { type: 'absent' } : { type: 'none' };
  }

  #happen({ client, invokedAt, effectAt, returnedAt, outcome }: Plan, request: Request, number: number): void {
    const base = { number, client: `c${client}`, request, invokedAt, returnedAt };
    const fault = outcome === 'answered' ? this.#faultFor(base) : null;
    const happens = effectAt < Number.POSITIVE_INFINITY;
    const reply = fault ?? (happens ? this.#answer(client, request) : null);
    const isAnswered = outcome === 'answered' && reply !== null;
    const operation: Operation = {
      ...base,
      outcome: isAnswered ? { type: 'answered', reply } : { type: outcome === 'unknown' ? 'unknown' : 'notApplied' },
    };
    this.#operations.push(operation);
    if (fault !== null) this.#fault = operation;
    if (isAnswered) this.#hear(client, request, reply);
    if (happens && fault === null) this.#remember(operation, reply);
  }

  #answer(client: number, request: Request): Reply {
    if (request.type === 'put' || request.type === 'delete') return this.#write(client, request);
    const revision = this.#log.length;
    if (request.type === 'get') return { type: 'got', revision, item: this.#seen(this.#items.get(request.key)) };
    const { prefix, after } = request;
    const all = [...this.#items.values()]
      .filter(({ key }) => key.startsWith(prefix) && (after === undefined || compareKeys(key, after.key) > 0))
      .sort((a, b) => compareKeys(a.key, b.key));
    const items = all.slice(0, request.limit);
    return { type: 'listed', revision, items, more: all.length > items.length };
  }

  #write(client: number, request: Extract<Request, { type: 'put' | 'delete' }>): Effect {
    const sequence = (this.#sequences[client] ?? 0) + 1;
    this.#sequences[client] = sequence;
    const stamp = { session: this.#sessions[client] as number, sequence, lowestUnanswered: sequence };
    const entry = { ...request, ...stamp, condition: loggedCondition(request.condition) };
    const revision = this.#append(entry);
    if (this.#random.chance(0.1)) this.#append(entry);
    if (this.#random.chance(0.05)) this.#append({ type: 'noop' });
    const { key, condition } = request;
    const current = this.#items.get(key);
    const currentRevision = current?.modRevision ?? 0;
    const fails =
      (condition.type === 'absent' && current !== undefined) ||
      (condition.type === 'matches' && condition.revision !== currentRevision);
    if (fails) return { type: 'conditionFailed', current: currentRevision };
    if (request.type === 'put') {
      const version = (current?.version ?? 0) + 1;
      return { type: 'put', revision, version, created: current === undefined };
    }
    return current === undefined ? { type: 'notFound' } : { type: 'deleted', revision };
  }

  #remember(operation: Operation, reply: Reply | null): void {
    const { request } = operation;
    if (request.type !== 'put' && request.type !== 'delete') return;
    if (reply?.type !== 'put' && reply?.type !== 'deleted') return;
    const before = this.#items.get(request.key);
    if (before !== undefined) this.#past.push({ item: before, replacedBy: operation });
    if (request.type === 'delete') this.#items.delete(request.key);
    else if (reply.type === 'put') {
      const { revision: modRevision, version } = reply;
      this.#items.set(request.key, { key: request.key, value: request.value, modRevision, version });
    }
  }

  /** What a faulty store answers instead; null: nothing wrong here. */
  #faultFor(operation: Omit<Operation, 'outcome'>): Reply | null {
    if (this.#fault !== null || operation.number < this.#options.operations / 3) return null;
    const { request, invokedAt } = operation;
    const isPlainPut = request.type === 'put' && request.condition.type === 'none';
    if (this.#options.fault === 'lostWrite' && isPlainPut) {
      const version = (this.#items.get(request.key)?.version ?? 0) + 1;
      return { type: 'put', revision: this.#append({ type: 'noop' }), version, created: version === 1 };
    }
    if (this.#options.fault !== 'staleRead' || request.type !== 'get') return null;
    const stale = this.#past.find(
      ({ item, replacedBy: { outcome, returnedAt } }) =>
        item.key === request.key && outcome.type === 'answered' && returnedAt < invokedAt,
    );
    return stale === undefined ? null : { type: 'got', revision: this.#log.length, item: this.#seen(stale.item) };
  }

  #duplicate(): void {
    const done = this.#operations.filter(
      ({ request, outcome }) => request.type === 'put' && outcome.type === 'answered' && outcome.reply.type === 'put',
    );
    if (done.length === 0) return;
    const operation = this.#random.pick(done);
    const { request } = operation;
    if (request.type !== 'put') return;
    const again = { ...request, condition: { type: 'none' } } as const;
    const reply = this.#write(0, again);
    this.#remember({ ...operation, request: again }, reply);
    this.#fault = operation;
  }

  #hear(client: number, request: Request, reply: Reply): void {
    const revision =
      reply.type === 'put' ? reply.revision : reply.type === 'got' ? (reply.item?.modRevision ?? 0) : null;
    if (revision !== null && request.type !== 'list') this.#heard.set(`${client} ${request.key}`, revision);
  }

  #seen(item: Item | undefined): Omit<Item, 'version'> | null {
    return item === undefined ? null : { key: item.key, value: item.value, modRevision: item.modRevision };
  }

  #append(entry: Unplaced): number {
    const index = this.#log.length + 1;
    this.#log.push({ ...entry, index, term: 1 + Math.floor(index / 50) });
    return index;
  }
}

type Unplaced<Entry = LoggedWrite> = Entry extends LoggedWrite ? Omit<Entry, 'index' | 'term'> : never;

/** What never happens is planned in the order of invocation all the same. */
function timeOf({ invokedAt, effectAt }: Plan): number {
  return effectAt === Number.POSITIVE_INFINITY ? invokedAt : effectAt;
}
