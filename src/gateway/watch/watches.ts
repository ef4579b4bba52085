/** The watches of a gateway, from the request to the end of the response. */
import type { ServerResponse } from 'node:http';
import type { GatewayMetrics } from '../../metrics.ts';
import type { Index, Watched } from '../../store/client.ts';
import type { Clock } from '../../system-clock.ts';
import type { Access } from '../access/access.ts';
import { type Answer, type RequestContext, send } from '../answer.ts';
import { ClientGoneError } from '../body.ts';
import { HttpProblem, problemAnswer } from '../errors.ts';
import { type WatchConstants, watchConstants } from './constants.ts';
import { WatchCounts } from './counts.ts';
import { Cursor } from './cursor.ts';
import { Hub, type Member, type Page, type WatchStore } from './hub.ts';
import { LongPoll, type PollOutcome, pollBody } from './long-poll.ts';
import { atRevision, type Position, revisionOf } from './position.ts';
import type { WatchForm, WatchRequest } from './request.ts';
import { type Sink, WatchStream } from './stream.ts';

export interface WatchesOptions {
  readonly store: WatchStore;
  readonly clock: Clock;
  readonly metrics: Pick<GatewayMetrics, 'showWatches'>;
  /** The gateway's own. */
  readonly id: string;
  readonly watchersMax: number;
  /** Null: whoever reaches the gateway may watch. */
  readonly access: Pick<Access, 'check'> | null;
  readonly constants?: WatchConstants;
}

/** What takes changes for a watch that has begun. */
interface Taker {
  wake(): void;
  closed(): void;
  end(reason: 'closing'): void;
}

class Watch implements Member {
  readonly watched: Watched;
  /** Null until the response begins. */
  taker: Taker | null = null;
  cursor: Cursor | null = null;

  constructor(watched: Watched) {
    this.watched = watched;
  }

  wake(): void {
    this.taker?.wake();
  }
}

interface Start {
  readonly position: Position;
  /** Up to where some replica has applied the log. */
  readonly head: Index;
}

export class Watches {
  readonly #options: WatchesOptions;
  readonly #constants: WatchConstants;
  readonly #counts = new WatchCounts();
  readonly #hub: Hub;
  readonly #open = new Set<Watch>();
  #closing = false;

  constructor(options: WatchesOptions) {
    const { store, clock, metrics, constants = watchConstants } = options;
    this.#options = options;
    this.#constants = constants;
    this.#hub = new Hub({ store, clock, constants, counts: this.#counts });
    metrics.showWatches(() => this.#counts);
  }

  /** Settles when the response has begun, or the watch was refused. Throws HttpProblem. */
  async serve(ctx: RequestContext, watched: Watched, request: WatchRequest): Promise<void> {
    this.#checkOpen();
    const { watchersMax } = this.#options;
    if (this.#open.size >= watchersMax) {
      throw new HttpProblem(
        'too_many_watches',
        `this gateway has as many watches as it may, ${watchersMax}; try again`,
      );
    }
    const watch = new Watch(watched);
    this.#open.add(watch);
    ctx.res.on('close', () => this.#closed(watch));
    const deadlineAt = this.#options.clock.now() + request.timeoutMs;
    const start = await this.#start(request, deadlineAt);
    this.#checkOpen();
    if (!this.#open.has(watch)) throw gone();
    const cursor = new Cursor(this.#hub, watched, start.position);
    watch.cursor = cursor;
    this.#hub.join(watch, start.head);
    const page = await this.#firstPage(cursor, deadlineAt, request);
    this.#checkOpen();
    if (!this.#open.has(watch)) throw gone();
    if (page?.type === 'compacted') send(ctx.res, compactedAnswer(page.compactedRevision, ctx.method));
    else this.#begin(ctx, watch, cursor, request.form);
  }

  /** Ends all in good order, and refuses new ones. */
  close(): void {
    this.#closing = true;
    for (const { taker } of this.#open) taker?.end('closing');
  }

  #checkOpen(): void {
    if (this.#closing) throw new HttpProblem('closing', 'this gateway is about to stop; ask another one, or try again');
  }

  #closed(watch: Watch): void {
    watch.taker?.closed();
    watch.cursor?.close();
    this.#hub.leave(watch);
    this.#open.delete(watch);
  }

  async #start({ from, fromPath, timeoutMs }: WatchRequest, deadlineAt: number): Promise<Start> {
    const { known } = this.#hub;
    // What a replica has applied is no future; and what is kept can be watched though there is no leader.
    if (from !== null && revisionOf(from) <= known) return { position: from, head: known };
    const head = await this.#readIndex(deadlineAt);
    if (head === null) {
      const why = 'so that it is unknown where it is to begin; try again';
      throw new HttpProblem('no_leader', `no leader was found within ${timeoutMs} ms, ${why}`);
    }
    if (from !== null && revisionOf(from) > head) {
      const expected = `expected one up to ${head}, which is the newest`;
      const detail = `there is no revision ${revisionOf(from)} yet; ${expected}`;
      const members = fromPath === null ? {} : { path: fromPath };
      throw new HttpProblem('future_revision', detail, 'not_applied', [], members);
    }
    return { position: from ?? atRevision(head), head };
  }

  async #readIndex(deadlineAt: number): Promise<Index | null> {
    const { store, clock } = this.#options;
    for (;;) {
      const leftMs = deadlineAt - clock.now();
      if (leftMs <= 0) return null;
      const index = await store.readIndex(leftMs);
      if (index !== null || this.#closing) return index;
      await this.#pause(this.#constants.retryMs);
    }
  }

  /** What is not kept any more is refused before the response begins. Null: no page is needed. */
  async #firstPage(cursor: Cursor, deadlineAt: number, { timeoutMs }: WatchRequest): Promise<Page | null> {
    const { clock } = this.#options;
    while (this.#hub.after(cursor.position) === null) {
      const page = await this.#within(deadlineAt - clock.now(), cursor.read());
      if (page !== undefined && (page.type !== 'nothing' || page.asked === 'answered')) return page;
      if (page === undefined || clock.now() >= deadlineAt) {
        throw new HttpProblem('read_timeout', `no replica said within ${timeoutMs} ms what has changed; try again`);
      }
      await this.#pause(this.#constants.retryMs);
    }
    return null;
  }

  #begin(ctx: RequestContext, watch: Watch, cursor: Cursor, form: WatchForm): void {
    const { res, method } = ctx;
    if (form.type === 'longPoll' && method === 'GET') {
      this.#beginPoll(ctx, watch, cursor, form.waitMs);
      return;
    }
    const contentType = form.type === 'stream' ? form.format.contentType : 'application/json';
    res.writeHead(200, [
      ...['X-Content-Type-Options', 'nosniff', 'Content-Type', contentType],
      // Proxies that gather what they pass on would hold it back.
      ...['X-Accel-Buffering', 'no'],
      ...this.#headers(cursor.position),
    ]);
    if (form.type === 'longPoll' || method === 'HEAD') {
      res.end();
      return;
    }
    const { clock, access } = this.#options;
    const { format, bookmarkMs } = form;
    const mayGoOn = () => access === null || isAdmitted(access, ctx.headers.authorization);
    const onEnd = () => this.#hub.leave(watch);
    const common = { hub: this.#hub, cursor, clock, constants: this.#constants, counts: this.#counts };
    const stream = new WatchStream({ ...common, sink: sinkTo(res), format, bookmarkMs, mayGoOn, onEnd });
    watch.taker = stream;
    res.on('drain', () => stream.drained());
  }

  #beginPoll({ res, method }: RequestContext, watch: Watch, cursor: Cursor, waitMs: number): void {
    const answerTo = (outcome: PollOutcome): Answer => {
      if (outcome.type === 'compacted') return compactedAnswer(outcome.compactedRevision, method);
      const headers = ['Content-Type', 'application/json', ...this.#headers(outcome.position)];
      return { status: 200, headers, body: pollBody(outcome) };
    };
    const settle = (outcome: PollOutcome) => {
      this.#hub.leave(watch);
      send(res, answerTo(outcome));
    };
    const common = { hub: this.#hub, cursor, clock: this.#options.clock, constants: this.#constants };
    watch.taker = new LongPoll({ ...common, counts: this.#counts, waitMs, settle });
  }

  #headers(position: Position): readonly string[] {
    const { id } = this.#options;
    return ['Cache-Control', 'no-store', 'Bazar-Revision', String(position.after), 'Bazar-Served-By', id];
  }

  /** Undefined if the time was up before. */
  async #within<T>(timeoutMs: number, awaited: Promise<T>): Promise<T | undefined> {
    const { promise: timeUp, resolve } = Promise.withResolvers<undefined>();
    const timer = this.#options.clock.setTimer(timeoutMs, () => resolve(undefined));
    const first = await Promise.race([awaited, timeUp]);
    timer.cancel();
    return first;
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.#options.clock.setTimer(delayMs, resolve));
  }
}

/** What it was when the watch began may have been revoked. */
function isAdmitted(access: Pick<Access, 'check'>, authorization: string | undefined): boolean {
  try {
    access.check('read', authorization, null);
    return true;
  } catch (error) {
    if (error instanceof HttpProblem) return false;
    throw error;
  }
}

function sinkTo(response: ServerResponse): Sink {
  return {
    write(parts) {
      let hasRoom = true;
      for (const part of parts) hasRoom = response.write(part);
      return hasRoom;
    },
    end: (last) => response.end(last),
    destroy: () => response.destroy(),
  };
}

function gone(): ClientGoneError {
  return new ClientGoneError('the connection closed before the watch began');
}

function compactedAnswer(compactedRevision: number, method: string): Answer {
  const remedy = 'read what there is now, and watch from the revision of that answer';
  const detail = `the changes up to revision ${compactedRevision} are not kept any more; ${remedy}`;
  return problemAnswer(new HttpProblem('compacted', detail), method, [], { compactedRevision });
}
