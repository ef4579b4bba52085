/** A watch with one answer: what has changed, as soon as something has, or that nothing has within the time. */
import type { Clock, Timer } from '../../system-clock.ts';
import type { WatchConstants } from './constants.ts';
import type { WatchCounts } from './counts.ts';
import type { Cursor, NumberedEvent } from './cursor.ts';
import type { Hub } from './hub.ts';
import { idOf, type Position } from './position.ts';
import type { Turn } from './turns.ts';

export type PollOutcome =
  | { readonly type: 'changes'; readonly events: readonly NumberedEvent[]; readonly position: Position }
  | { readonly type: 'compacted'; readonly compactedRevision: number };

export interface LongPollOptions {
  readonly hub: Hub;
  readonly cursor: Cursor;
  readonly clock: Clock;
  readonly constants: WatchConstants;
  readonly counts: WatchCounts;
  readonly waitMs: number;
  readonly settle: (outcome: PollOutcome) => void;
}

export class LongPoll {
  readonly #options: LongPollOptions;
  #state: 'taking' | 'reading' | 'waiting' | 'ended' = 'taking';
  #timer: Timer;
  #retry: Timer | null = null;
  #room: Turn | null = null;

  constructor(options: LongPollOptions) {
    this.#options = options;
    options.counts.began('longPoll');
    this.#timer = options.clock.setTimer(options.waitMs, () => this.end());
    this.wake();
  }

  /** There may be something to take. */
  wake(): void {
    if (this.#state !== 'taking') return;
    const { hub, cursor, counts, constants } = this.#options;
    const taken = cursor.take(constants.chunkBytes);
    if (taken.type === 'behind') {
      this.#read();
      return;
    }
    const { events, bytes } = taken;
    const [first] = events;
    if (first === undefined) return;
    const outcome = { type: 'changes', events, position: cursor.position } as const;
    const settle = () => {
      counts.changes += events.length;
      this.#settle(outcome);
    };
    if (bytes <= constants.chunkBytes) {
      settle();
      return;
    }
    // It has something, and will say it.
    this.#timer.cancel();
    this.#state = 'waiting';
    this.#room = hub.room.ask(first.event.json, settle);
  }

  /** Answers with what there is: nothing, unless that is on its way. */
  end(): void {
    if (this.#state === 'waiting') return;
    this.#settle({ type: 'changes', events: [], position: this.#options.cursor.position });
  }

  /** The answer is sent, or nobody waits for it any more. */
  closed(): void {
    this.#stop();
    this.#room?.done();
  }

  #read(): void {
    const { clock, constants, cursor } = this.#options;
    this.#state = 'reading';
    void cursor.read().then((page) => {
      if (this.#state !== 'reading') return;
      this.#state = 'taking';
      if (page.type === 'compacted') this.#settle(page);
      else if (page.type === 'page') this.wake();
      else this.#retry = clock.setTimer(constants.retryMs, () => this.wake());
    });
  }

  #settle(outcome: PollOutcome): void {
    if (this.#state === 'ended') return;
    this.#stop();
    this.#options.settle(outcome);
  }

  #stop(): void {
    if (this.#state === 'ended') return;
    const { cursor, counts } = this.#options;
    this.#state = 'ended';
    this.#timer.cancel();
    this.#retry?.cancel();
    cursor.close();
    counts.ended('longPoll', 'left');
  }
}

/** The body of the answer. */
export function pollBody({ events, position }: Extract<PollOutcome, { type: 'changes' }>): Buffer {
  const pieces = events.flatMap(({ event, id }, nth) => [
    Buffer.from(`${nth === 0 ? '' : ','}{"event":"${event.type}","id":"${id}",`),
    event.json.subarray(1),
  ]);
  const end = `],"revision":${position.after},"cursor":"${idOf(position)}"}`;
  return Buffer.concat([Buffer.from('{"changes":['), ...pieces, Buffer.from(end)]);
}
