/**
 * A watch that goes on until somebody ends it: what it takes it writes at the pace of its reader. It holds one chunk at a
 * time, and beyond a common bound none.
 */
import type { Clock, Timer } from '../../system-clock.ts';
import type { WatchConstants } from './constants.ts';
import type { WatchCounts, WatchEnd } from './counts.ts';
import type { Cursor, Taken } from './cursor.ts';
import { framesOf, noticeOf, type StreamFormat } from './format.ts';
import type { Hub, Page } from './hub.ts';
import { idOf, type Position } from './position.ts';
import type { Turn } from './turns.ts';

/** Where a stream is written to. */
export interface Sink {
  /** False: nothing more is to be written until `drained` is called. */
  write(parts: readonly Buffer[]): boolean;
  end(last: Buffer): void;
  /** What has not been read yet is lost. */
  destroy(): void;
}

export interface StreamOptions {
  readonly hub: Hub;
  readonly cursor: Cursor;
  readonly sink: Sink;
  readonly format: StreamFormat;
  readonly clock: Clock;
  readonly constants: WatchConstants;
  readonly counts: WatchCounts;
  readonly bookmarkMs: number;
  /** Whether its reader may still read; asked with every sign of life. */
  readonly mayGoOn: () => boolean;
  /** It takes nothing more. */
  readonly onEnd: () => void;
}

type Chunk = Extract<Taken, { type: 'events' }>;

/** `waiting`: for its turn to write a large change. `reading`: a page, or about to. `ended`: but for what is still unread. */
type State = 'taking' | 'waiting' | 'reading' | 'ended';

export class WatchStream {
  readonly #options: StreamOptions;
  #state: State = 'taking';
  /** The reader has not taken what was written. */
  #full = false;
  /** Whoever has read all that was written has come so far. */
  #written: Position;
  /** For a chunk that is large. */
  #room: Turn | null = null;
  #beat: Timer | null = null;
  #bookmarkAt: number;
  #heartbeatAt: number;
  /** Ends it, if the chunk is not taken before. */
  #chunkDue: Timer | null = null;
  /** As chunkDue, for a page. */
  #pageDue: Timer | null = null;
  #retry: Timer | null = null;
  #linger: Timer | null = null;

  /** The head of the response is written. */
  constructor(options: StreamOptions) {
    const { clock, constants, format, cursor, bookmarkMs } = options;
    this.#options = options;
    this.#written = cursor.position;
    this.#bookmarkAt = clock.now() + bookmarkMs;
    this.#heartbeatAt = clock.now() + constants.heartbeatMs;
    options.counts.began(format.form);
    this.#write([Buffer.from(format.retry(constants.clientRetryMs) + this.#bookmark())]);
    this.#armBeat();
    this.#noteHold();
    this.wake();
  }

  /** There may be something to take. */
  wake(): void {
    const { cursor, constants } = this.#options;
    while (this.#state === 'taking' && !this.#full) {
      const taken = cursor.take(constants.chunkBytes);
      this.#noteHold();
      if (taken.type === 'behind') {
        this.#read();
      } else if (taken.events.length === 0) {
        this.#written = cursor.position;
        return;
      } else {
        this.#writeChunk(taken);
      }
    }
  }

  drained(): void {
    if (this.#state === 'ended') return;
    this.#full = false;
    this.#chunkDue?.cancel();
    this.#chunkDue = null;
    if (this.#state !== 'waiting') this.#giveRoomBack();
    this.wake();
  }

  /** The connection is gone. */
  closed(): void {
    this.#linger?.cancel();
    this.#stop('left');
    this.#giveRoomBack();
  }

  /** Says why, and from where to go on. */
  end(reason: Exclude<WatchEnd, 'left'>, members: object = {}): void {
    if (this.#state === 'ended') return;
    const { sink, format, clock, constants } = this.#options;
    const from = idOf(this.#written);
    // Nobody is to come back with this id on his own where there is nothing to be had.
    const id = reason === 'compacted' ? null : from;
    this.#stop(reason);
    const retry = reason === 'closing' ? format.retry(constants.clientRetryMs) : '';
    sink.end(Buffer.from(retry + noticeOf(format, reason, id, { from, ...members })));
    this.#linger = clock.setTimer(constants.lingerMs, () => sink.destroy());
  }

  #stop(reason: WatchEnd): void {
    if (this.#state === 'ended') return;
    const { cursor, counts, format, onEnd } = this.#options;
    // What was written holds its room until the connection is gone.
    if (this.#state === 'waiting') this.#giveRoomBack();
    this.#state = 'ended';
    for (const timer of [this.#beat, this.#chunkDue, this.#pageDue, this.#retry]) timer?.cancel();
    cursor.close();
    counts.ended(format.form, reason);
    onEnd();
  }

  #writeChunk(chunk: Chunk): void {
    const { hub, clock, constants } = this.#options;
    const [first] = chunk.events;
    if (first === undefined || chunk.bytes <= constants.chunkBytes) {
      // Together: a write of each would cost more than the copy.
      this.#writeEvents(chunk, (frames) => [Buffer.concat(frames)]);
      return;
    }
    this.#state = 'waiting';
    // It is alone in its chunk.
    this.#room = hub.room.ask(first.event.json, (turn) => {
      this.#room = turn;
      this.#state = 'taking';
      this.#writeEvents(chunk, (frames) => frames);
      if (this.#full) return;
      turn.done();
      clock.defer(() => this.wake());
    });
  }

  #writeEvents({ events }: Chunk, joined: (frames: readonly Buffer[]) => readonly Buffer[]): void {
    const { format, cursor, counts } = this.#options;
    this.#written = cursor.position;
    counts.changes += events.length;
    this.#write(joined(framesOf(format, events)));
  }

  #write(parts: readonly Buffer[]): void {
    const { sink, clock, constants } = this.#options;
    if (sink.write(parts)) return;
    this.#full = true;
    this.#chunkDue ??= clock.setTimer(constants.slowMs, () => this.end('slow'));
  }

  #giveRoomBack(): void {
    this.#room?.done();
    this.#room = null;
  }

  /** A page is held from when it has come until it is taken to its end. */
  #noteHold(): void {
    const { cursor, clock, constants } = this.#options;
    if (!cursor.holdsPage) {
      this.#pageDue?.cancel();
      this.#pageDue = null;
    } else {
      this.#pageDue ??= clock.setTimer(constants.slowMs, () => this.end('slow'));
    }
  }

  #read(): void {
    this.#state = 'reading';
    void this.#options.cursor.read().then((page) => this.#readEnded(page));
  }

  #readEnded(page: Page): void {
    const { clock, constants } = this.#options;
    if (this.#state !== 'reading') return;
    switch (page.type) {
      case 'compacted':
        this.end('compacted', { compactedRevision: page.compactedRevision });
        return;
      case 'nothing':
        this.#retry = clock.setTimer(constants.retryMs, () => this.#goOn());
        return;
      case 'page':
        this.#noteHold();
        this.#goOn();
    }
  }

  #goOn(): void {
    if (this.#state !== 'reading') return;
    this.#state = 'taking';
    this.wake();
  }

  #armBeat(): void {
    const { clock } = this.#options;
    const at = Math.min(this.#bookmarkAt, this.#heartbeatAt);
    this.#beat = clock.setTimer(at - clock.now(), () => this.#beats());
  }

  #beats(): void {
    const { clock, constants, format, bookmarkMs, mayGoOn } = this.#options;
    if (!mayGoOn()) {
      this.end('closing');
      return;
    }
    const now = clock.now();
    // So that a bookmark says how far that is.
    this.wake();
    if (this.#state === 'ended') return;
    // A reader that has not taken the last chunk needs no signs of life.
    const isHeard = !this.#full;
    let signs = '';
    if (now >= this.#heartbeatAt) {
      this.#heartbeatAt = now + constants.heartbeatMs;
      signs = format.heartbeat;
    }
    if (now >= this.#bookmarkAt) {
      this.#bookmarkAt = now + bookmarkMs;
      signs += this.#bookmark();
    }
    if (isHeard && signs !== '') this.#write([Buffer.from(signs)]);
    this.#armBeat();
  }

  #bookmark(): string {
    return noticeOf(this.#options.format, 'bookmark', idOf(this.#written), { revision: this.#written.after });
  }
}
