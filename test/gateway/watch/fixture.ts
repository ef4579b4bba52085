/** Watches over a history and a clock that are the test's, and readers that take what is written when the test says so. */

import { type WatchConstants, watchConstants } from '../../../src/gateway/watch/constants.ts';
import { WatchCounts } from '../../../src/gateway/watch/counts.ts';
import { Cursor } from '../../../src/gateway/watch/cursor.ts';
import { ndjson, type StreamFormat } from '../../../src/gateway/watch/format.ts';
import { Hub } from '../../../src/gateway/watch/hub.ts';
import { type Position, parseId } from '../../../src/gateway/watch/position.ts';
import { type Sink, WatchStream } from '../../../src/gateway/watch/stream.ts';
import type { Watched } from '../../../src/store/client.ts';
import { ManualClock } from '../../store/manual-clock.ts';
import { FakeHistory } from './fake-history.ts';

export interface Line {
  readonly event: string;
  readonly id?: string;
  readonly revision?: number;
  readonly key?: string;
  readonly value?: string;
  readonly from?: string;
  readonly compactedRevision?: number;
}

export class Reader implements Sink {
  /** Takes nothing while it is true. */
  stalled = false;
  destroyed = false;
  ended = false;
  /** Written and not taken. */
  heldBytes = 0;
  readonly held = new Set<ArrayBufferLike>();
  stream: WatchStream | null = null;
  /** Not copied: a thousand readers share what they are sent. */
  readonly #parts: Buffer[] = [];

  write(parts: readonly Buffer[]): boolean {
    for (const part of parts) {
      this.#parts.push(part);
      if (!this.stalled) continue;
      this.heldBytes += part.byteLength;
      this.held.add(part.buffer);
    }
    return !this.stalled;
  }

  end(last: Buffer): void {
    this.#parts.push(last);
    this.ended = true;
  }

  destroy(): void {
    this.destroyed = true;
    this.held.clear();
    this.stream?.closed();
  }

  goOn(): void {
    this.stalled = false;
    this.heldBytes = 0;
    this.held.clear();
    this.stream?.drained();
  }

  get text(): string {
    return Buffer.concat(this.#parts).toString();
  }

  get lines(): readonly Line[] {
    return this.text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line);
  }

  /** Ids of what changed, in the order in which it came. */
  get ids(): readonly (string | undefined)[] {
    return this.lines.filter(({ event }) => event === 'put' || event === 'delete').map(({ id }) => id);
  }

  get lastId(): string {
    return this.lines.findLast(({ id }) => id !== undefined)?.id ?? '0';
  }
}

export function setUp(changed: Partial<WatchConstants> = {}) {
  const clock = new ManualClock();
  const history = new FakeHistory(clock);
  const counts = new WatchCounts();
  const constants = { ...watchConstants, ...changed };
  const hub = new Hub({ store: history, clock, constants, counts });

  function watch(
    from: string,
    {
      prefix = '',
      format = ndjson,
      stalled = false,
      bookmarkMs = 15_000,
      mayGoOn = () => true,
    }: {
      readonly prefix?: string;
      readonly format?: StreamFormat;
      readonly stalled?: boolean;
      readonly bookmarkMs?: number;
      readonly mayGoOn?: () => boolean;
    } = {},
  ): Reader {
    const reader = new Reader();
    const watched: Watched = { type: 'keys', prefix };
    const cursor = new Cursor(hub, watched, parseId(from) as Position);
    const member = { watched, wake: () => reader.stream?.wake() };
    hub.join(member, hub.known);
    const onEnd = () => hub.leave(member);
    reader.stalled = stalled;
    reader.stream = new WatchStream({
      ...{ hub, cursor, sink: reader, format, clock, constants, counts, bookmarkMs, mayGoOn, onEnd },
    });
    return reader;
  }

  /** Runs what can run without time passing, however long its chain of promises. */
  async function settle(): Promise<void> {
    let asked = -1;
    while (asked !== history.queries.length) {
      asked = history.queries.length;
      for (let turn = 0; turn < 10; turn++) await clock.settle();
    }
  }
  async function advance(milliseconds: number, stepMs = Math.max(1, milliseconds / 20)): Promise<void> {
    for (let passed = 0; passed < milliseconds; passed += stepMs) {
      await settle();
      await clock.advance(Math.min(stepMs, milliseconds - passed));
    }
    await settle();
  }
  /** What the question that stands for all who watch is about. */
  const interest = () => history.queries.findLast(({ waitMs }) => waitMs > 0)?.watched;
  return { settle, advance, interest, history, counts, hub, watch };
}
