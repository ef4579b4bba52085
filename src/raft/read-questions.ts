/**
 * The driver's linearizable reads: those that arrive together share one question for a read index, which is asked again
 * while it is unanswered, and wait until the state machine has come that far. Other reads bring the index they wait for.
 */
import type { ElapsedClock } from './elapsed-clock.ts';
import type { Clock, StateMachine, Timer } from './interfaces.ts';
import type { Index, ReadState } from './types.ts';

interface ReadWaiter {
  readonly deadlineAt: number;
  /** The index alone, or the state machine too, which must have come that far. */
  readonly awaits: 'index' | 'state';
  /** With the read index, or null if it did not come in time. */
  readonly settle: (readIndex: Index | null) => void;
}

/** Reads that arrived together share one question. It may be asked several times; any answer is good for all of them. */
interface ReadQuestion {
  waiters: readonly ReadWaiter[];
  /** Each asking has an id of its own: an answer to an older question must not satisfy a later one. */
  readonly requestIds: Set<string>;
  /** Once it is confirmed: what the state machine must have applied. */
  readIndex: Index | null;
  timer: Timer | null;
}

/** A read index that was asked for and not answered is asked for again: the question or the answer was lost. */
const readRetryMs = 150;
/** When no leader is known, or it cannot say yet. */
const readBackoffMs = 20;

export interface ReadQuestionsOptions {
  readonly clock: Clock;
  /** Of `askedAt`. */
  readonly elapsed: ElapsedClock;
  /** Holds the directory's uuid and the boot id, so that no later life asks under the same id, after a wipe neither. */
  readonly idPrefix: string;
  readonly ask: (requestId: string) => void;
  /** A leader has named a read index that was asked for at `askedAt`, or later. */
  readonly onConfirmed: (askedAt: number, readIndex: Index) => void;
  /** Its answer is of no use any more. */
  readonly forget: (requestId: string) => void;
  /** Runs what is due as an input of the driver. */
  readonly onDue: (work: () => void) => void;
  readonly stateMachine: Pick<StateMachine<unknown>, 'applied' | 'hurry'>;
}

export class ReadQuestions {
  readonly #options: ReadQuestionsOptions;
  #arrived: ReadWaiter[] = [];
  readonly #asked = new Map<string, { readonly question: ReadQuestion; readonly askedAt: number }>();
  readonly #open = new Set<ReadQuestion>();
  #counter = 0;
  /** Confirmed, waiting for the state machine; ascending by index. */
  #confirmed: ReadQuestion[] = [];

  constructor(options: ReadQuestionsOptions) {
    this.#options = options;
  }

  /** Settles with the read index: once it is confirmed, or once the state machine has come that far; null if too late. */
  add(timeoutMs: number, awaits: ReadWaiter['awaits'], settle: ReadWaiter['settle']): void {
    this.#arrived.push({ deadlineAt: this.#options.clock.now() + timeoutMs, awaits, settle });
  }

  /** Settles with `index` once the state machine has come that far; null if too late. */
  awaitApplied(index: Index, timeoutMs: number, settle: ReadWaiter['settle']): void {
    if (index <= this.#options.stateMachine.applied.index) {
      settle(index);
      return;
    }
    const waiter: ReadWaiter = { deadlineAt: this.#options.clock.now() + timeoutMs, awaits: 'state', settle };
    const question = { waiters: [waiter], requestIds: new Set<string>(), readIndex: index, timer: null };
    this.#open.add(question);
    this.#hold(question, index);
  }

  /** Does a read wait for what has been applied, up to here, to be written? */
  waitForState(appliedIndex: Index): boolean {
    const [first] = this.#confirmed;
    return first !== undefined && (first.readIndex ?? 0) <= appliedIndex;
  }

  /** Nobody may read any more. */
  close(): void {
    for (const waiter of this.#arrived) waiter.settle(null);
    this.#arrived = [];
    for (const question of this.#open) {
      question.timer?.cancel();
      for (const waiter of question.waiters) waiter.settle(null);
    }
    this.#open.clear();
    this.#asked.clear();
    this.#confirmed = [];
  }

  askArrived(): void {
    if (this.#arrived.length === 0) return;
    const question: ReadQuestion = {
      waiters: this.#arrived,
      requestIds: new Set(),
      readIndex: null,
      timer: null,
    };
    this.#arrived = [];
    this.#open.add(question);
    this.#ask(question);
  }

  #ask(question: ReadQuestion): void {
    const requestId = `${this.#options.idPrefix}.${++this.#counter}`;
    question.requestIds.add(requestId);
    this.#asked.set(requestId, { question, askedAt: this.#options.elapsed.now() });
    this.#await(question, readRetryMs);
    this.#options.ask(requestId);
  }

  /** Looks after the question when its first deadline passes, or it has to be asked again. */
  #await(question: ReadQuestion, retryMs: number): void {
    question.timer?.cancel();
    const now = this.#options.clock.now();
    const firstDeadline = question.waiters.reduce(
      (first, { deadlineAt }) => Math.min(first, deadlineAt),
      now + retryMs,
    );
    question.timer = this.#options.clock.setTimer(firstDeadline - now, () =>
      this.#options.onDue(() => this.#due(question)),
    );
  }

  #due(question: ReadQuestion): void {
    const now = this.#options.clock.now();
    for (const waiter of question.waiters) {
      if (waiter.deadlineAt <= now) waiter.settle(null);
    }
    question.waiters = question.waiters.filter((waiter) => waiter.deadlineAt > now);
    if (question.waiters.length === 0) this.#close(question);
    else if (question.readIndex === null) this.#ask(question);
    else this.#await(question, Number.POSITIVE_INFINITY);
  }

  answered({ requestId, readIndex }: ReadState): void {
    const asked = this.#asked.get(requestId);
    if (asked === undefined) return;
    const { question, askedAt } = asked;
    this.#asked.delete(requestId);
    question.requestIds.delete(requestId);
    if (readIndex === null) {
      this.#await(question, readBackoffMs);
      return;
    }
    this.#options.onConfirmed(askedAt, readIndex);
    this.#forget(question);
    question.readIndex = readIndex;
    const satisfied = readIndex <= this.#options.stateMachine.applied.index;
    this.#settle(question, (waiter) => satisfied || waiter.awaits === 'index');
    if (this.#open.has(question)) this.#hold(question, readIndex);
  }

  /** Waits for the state machine. */
  #hold(question: ReadQuestion, readIndex: Index): void {
    this.#options.stateMachine.hurry();
    this.#await(question, Number.POSITIVE_INFINITY);
    const later = this.#confirmed.findIndex((confirmed) => (confirmed.readIndex ?? 0) > readIndex);
    this.#confirmed.splice(later < 0 ? this.#confirmed.length : later, 0, question);
  }

  release(): void {
    const { index } = this.#options.stateMachine.applied;
    let released = 0;
    for (const question of this.#confirmed) {
      if ((question.readIndex ?? 0) > index) break;
      released++;
      this.#settle(question, () => true);
    }
    if (released > 0) this.#confirmed.splice(0, released);
  }

  /** Settles those that have what they waited for; without others the question is done. */
  #settle(question: ReadQuestion, hasAll: (waiter: ReadWaiter) => boolean): void {
    const done = question.waiters.filter(hasAll);
    question.waiters = question.waiters.filter((waiter) => !hasAll(waiter));
    if (question.waiters.length === 0) {
      question.timer?.cancel();
      this.#open.delete(question);
    }
    for (const waiter of done) waiter.settle(question.readIndex);
  }

  #forget(question: ReadQuestion): void {
    for (const requestId of question.requestIds) {
      this.#asked.delete(requestId);
      this.#options.forget(requestId);
    }
    question.requestIds.clear();
  }

  #close(question: ReadQuestion): void {
    this.#forget(question);
    this.#open.delete(question);
    this.#confirmed = this.#confirmed.filter((confirmed) => confirmed !== question);
  }
}
