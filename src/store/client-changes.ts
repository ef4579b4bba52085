/**
 * What has changed, from any replica: what is published is in the same order everywhere. Followers are asked first, since
 * the leader has work that nobody else can do; what they know later is later by one message of the leader's.
 */
import type { Clock, Random } from '../raft/interfaces.ts';
import type { Index, ReplicaId } from '../raft/types.ts';
import { answersChanges } from './changes-check.ts';
import type { ChangesOutcome } from './client-types.ts';
import { Deadlines } from './deadlines.ts';
import { type BalancePolicy, type Candidate, createReadPolicy, type ReadPolicy } from './read-policy.ts';
import type { LinkAnswer, ReplicaLink } from './replica-link.ts';
import type { ChangesQuery, ChangesResult } from './watch.ts';

/** What is needed of a link. */
export type ChangesLink = Pick<ReplicaLink, 'id' | 'request' | 'connected' | 'healthy' | 'status'>;

export interface ClientChangesOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly links: ReadonlyMap<ReplicaId, ChangesLink>;
  readonly balance: BalancePolicy;
}

interface Call {
  /** Goes on with what is known to hold nothing. */
  query: ChangesQuery;
  readonly waitUntil: number;
  readonly deadlineAt: number;
  readonly settle: (outcome: ChangesOutcome) => void;
  /** Failed, were behind or have compacted it: the others first. */
  readonly tried: Set<Target>;
  /** What is to be said if nothing more is heard. */
  fallback: ChangesOutcome;
}

interface Attempt {
  readonly query: ChangesQuery;
  readonly sentAt: number;
}

type Done = Extract<ChangesOutcome, { type: 'done' }>;

interface Found extends Done {
  readonly result: Extract<ChangesResult, { type: 'changes' }>;
}

const openMax = 4096;
/**
 * A replica is let wait no longer than this before one is chosen anew. One that was cut off from its leader has nothing
 * to say and does not know it: by so much a watch can be late.
 */
const attemptWaitMs = 1000;
/** Beyond its wait, for the way there and back, and for a page. Who takes longer hangs. */
const answerMs = 1000;
/** When nobody could say, all are asked again after this. */
const retryMs = 50;
/** How long a replica that did not answer is left out, where others are connected. */
const outOfTurnMs = 1000;

export class ClientChanges {
  readonly #clock: Clock;
  readonly #targets: readonly Target[];
  readonly #policy: ReadPolicy;
  readonly #deadlines: Deadlines<Call>;
  /** Whom the last one that waited was answered by: to go on there costs nobody a wait for what another has shown. */
  #current: Target | null = null;
  #closed = false;

  constructor({ clock, random, links, balance }: ClientChangesOptions) {
    this.#clock = clock;
    this.#targets = [...links.values()].map((link, position) => new Target(link, position));
    this.#policy = createReadPolicy(balance, random);
    this.#deadlines = new Deadlines(clock, ({ settle, fallback }) => settle(fallback));
  }

  ask(query: ChangesQuery, timeoutMs: number): Promise<ChangesOutcome> {
    return new Promise((settle) => {
      const fallback = { type: 'unavailable' } as const;
      if (this.#closed || this.#deadlines.size >= openMax) return settle(fallback);
      const now = this.#clock.now();
      const until = { waitUntil: now + query.waitMs, deadlineAt: now + timeoutMs };
      const call: Call = { query, ...until, settle, tried: new Set(), fallback };
      this.#deadlines.add(call);
      this.#attempt(call);
    });
  }

  close(): void {
    this.#closed = true;
    this.#deadlines.close();
  }

  #attempt(call: Call): void {
    if (!this.#deadlines.has(call)) return;
    const now = this.#clock.now();
    const waitMs = Math.max(0, Math.min(call.waitUntil - now, call.deadlineAt - now, attemptWaitMs));
    const target = this.#choose(call, waitMs > 0);
    if (target === null) {
      // Those who were reached have compacted it. Another one may have kept it, but need not come back.
      if (call.fallback.type === 'done' && call.fallback.result.type === 'compacted') {
        this.#settle(call, call.fallback);
        return;
      }
      call.tried.clear();
      this.#attemptLater(call);
      return;
    }
    const query = { ...call.query, waitMs };
    const sentAt = now;
    target.inFlight += 1;
    void target.link.request({ type: 'changes', query }, 'changes', waitMs + answerMs).then((answer) => {
      target.inFlight -= 1;
      this.#answered(call, target, { query, sentAt }, answer);
    });
  }

  #answered(call: Call, target: Target, attempt: Attempt, answer: LinkAnswer): void {
    const { query } = attempt;
    const result = answer.type === 'changes' ? answer.result : null;
    if (answer.type !== 'changes' || (result !== null && !answersChanges(query, result))) {
      target.outOfTurnUntil = this.#clock.now() + outOfTurnMs;
      if (this.#current === target) this.#current = null;
      this.#next(call, target);
      return;
    }
    target.outOfTurnUntil = 0;
    if (result === null) {
      // To be behind is no fault.
      if (this.#current === target) this.#current = null;
      this.#next(call, target);
    } else if (result.type === 'compacted') {
      // Another replica may have kept more: histories begin where their states were built.
      call.fallback = leastCompacted(call.fallback, { type: 'done', result, replica: target.link.id });
      this.#next(call, target);
    } else {
      if (query.waitMs > 0) this.#current = target;
      this.#found(call, attempt, { type: 'done', result, replica: target.link.id });
    }
  }

  #found(call: Call, { query, sentAt }: Attempt, done: Found): void {
    const { result } = done;
    const now = this.#clock.now();
    if (result.changes.length > 0 || now >= call.waitUntil) {
      this.#settle(call, done);
      return;
    }
    const { through: after, skip } = result;
    call.query = { ...call.query, after, skip };
    call.fallback = done;
    call.tried.clear();
    // Who was to wait and did not is not asked again and again.
    const waited = now - sentAt >= query.waitMs / 2;
    if (waited) this.#attempt(call);
    else this.#attemptLater(call);
  }

  #attemptLater(call: Call): void {
    this.#clock.setTimer(retryMs, () => this.#attempt(call));
  }

  #next(call: Call, tried: Target): void {
    call.tried.add(tried);
    this.#attempt(call);
  }

  #settle(call: Call, outcome: ChangesOutcome): void {
    if (this.#deadlines.remove(call)) call.settle(outcome);
  }

  #choose({ query, tried }: Call, waits: boolean): Target | null {
    const now = this.#clock.now();
    const connected = this.#targets.filter((target) => target.link.connected && !tried.has(target));
    const inTurn = preferred(connected, (target) => now >= target.outOfTurnUntil);
    const sound = preferred(inTurn, (target) => target.followsLeader);
    // Who has something to say; else who would have it first.
    const ahead = preferred(
      preferred(sound, (target) => target.applied >= query.after),
      (target) => target.applied > query.after,
    );
    const candidates = preferred(ahead, (target) => !target.leads);
    if (waits && this.#current !== null && candidates.includes(this.#current)) return this.#current;
    return this.#policy.choose(candidates);
  }
}

/** Those for which it holds, or all if there is none. */
function preferred(targets: readonly Target[], holds: (target: Target) => boolean): readonly Target[] {
  const found = targets.filter(holds);
  return found.length > 0 ? found : targets;
}

function leastCompacted(known: ChangesOutcome, found: Done): Done {
  const isCompacted = known.type === 'done' && known.result.type === 'compacted' && found.result.type === 'compacted';
  if (!isCompacted) return found;
  return known.result.compactedRevision <= found.result.compactedRevision ? known : found;
}

/** One replica, as questions for changes see it. */
class Target implements Candidate {
  readonly link: ChangesLink;
  readonly position: number;
  readonly latencyMs = null;
  inFlight = 0;
  outOfTurnUntil = 0;

  constructor(link: ChangesLink, position: number) {
    this.link = link;
    this.position = position;
  }

  get followsLeader(): boolean {
    const { healthy, status } = this.link;
    return healthy && status?.leader != null && status.state === 'normal';
  }

  get leads(): boolean {
    return this.link.status?.role === 'leader';
  }

  get applied(): Index {
    return this.link.status?.appliedIndex ?? (0 as Index);
  }
}
