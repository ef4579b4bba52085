/** A leader's log and a gateway's connection, for the leader's side of the stream of invalidations. */
import type { LogTail } from '../../src/raft/interfaces.ts';
import { type Entry, type Index, index, term } from '../../src/raft/types.ts';
import type { Command } from '../../src/store/command.ts';
import { noPrecondition } from '../../src/store/command.ts';
import { decodeCommand, encodeCommand } from '../../src/store/command-codec.ts';
import type { Ended, Invalidations } from '../../src/store/invalidation.ts';
import { decodeLeaderEvent } from '../../src/store/invalidation-codec.ts';
import type { InvalidatorOptions, StreamPeer } from '../../src/store/invalidator.ts';
import type { Touches } from '../../src/store/touch.ts';

export const lineage = 'c0ffee';

/** Of a leader whose gateways ask for no lease. */
export const nobodyAsks: InvalidatorOptions['publishing'] = {
  asked: () => null,
  grant: () => null,
  told() {},
  committed() {},
  confirmed() {},
  released() {},
  gone() {},
  ended() {},
};

/** The touch of a key is its name as a number; `*` touches everything, `many` more than a message says one by one. */
export function touchesOf(command: Command): Touches {
  if (command.type !== 'put' && command.type !== 'delete') return [];
  if (command.key === '*') return 'everything';
  return command.key === 'many' ? Array.from({ length: 257 }, (_, touch) => touch) : [Number(command.key)];
}

function write(key: string): Uint8Array {
  const stamp = { session: index(1), sequence: 1, lowestUnanswered: 1 };
  return encodeCommand({ type: 'delete', stamp, key, precondition: noPrecondition });
}

export class FakeLog {
  /** The entry of index 1 first. */
  readonly entries: Entry[] = [];
  /** Entries up to here are no longer in memory. */
  evictedTo = 0;
  /** At least what is published. */
  commitIndex = 0;
  publishIndex = 0;
  acknowledgedRound = 0;
  leads = true;
  currentTerm: number;

  constructor(currentTerm: number) {
    this.currentTerm = currentTerm;
  }

  get lastIndex(): number {
    return this.entries.length;
  }

  append(...keys: readonly (string | number)[]): void {
    for (const key of keys) this.appendBytes(write(String(key)));
  }

  appendBytes(command: Uint8Array): void {
    this.entries.push({ ...this.#nextId(), type: 'command', command });
  }

  appendNoop(): void {
    this.entries.push({ ...this.#nextId(), type: 'noop' });
  }

  /** The last entry up to `upTo` that changes what this touches, 0 without one. */
  lastWriteOf(touch: number, upTo: number): number {
    const last = this.entries.slice(0, upTo).findLast((entry) => {
      const command = entry.type === 'command' ? decodeCommand(entry.command) : null;
      const touches = command === null ? [] : touchesOf(command);
      return touches === 'everything' || touches.includes(touch);
    });
    return last?.index ?? 0;
  }

  tail(): LogTail {
    const currentTerm = this.currentTerm;
    return {
      term: term(currentTerm),
      leads: this.leads,
      lastIndex: index(this.lastIndex),
      commitIndex: index(Math.max(this.commitIndex, this.publishIndex)),
      publishIndex: index(this.publishIndex),
      acknowledgedRound: this.acknowledgedRound,
      entries: (from, to) => {
        if (!this.leads || this.currentTerm !== currentTerm) return null;
        if (from > to) return [];
        return from > this.evictedTo ? this.entries.slice(from - 1, to) : null;
      },
    };
  }

  #nextId(): { readonly term: Entry['term']; readonly index: Index } {
    return { term: term(this.currentTerm), index: index(this.lastIndex + 1) };
  }
}

export class FakePeer implements StreamPeer {
  readonly publicKey = 'key of g1';
  congested = false;
  readonly sent: Uint8Array[] = [];
  readonly #closed: (() => void)[] = [];
  #isClosed = false;

  event(bytes: Uint8Array): void {
    this.sent.push(bytes);
  }

  onClose(callback: () => void): void {
    if (this.#isClosed) callback();
    else this.#closed.push(callback);
  }

  get listeners(): number {
    return this.#closed.length;
  }

  close(): void {
    this.#isClosed = true;
    for (const callback of this.#closed) callback();
  }

  /** What came since this was last called. */
  take(): readonly (Invalidations | Ended)[] {
    return this.sent.splice(0).map((bytes) => decodeLeaderEvent(bytes) as Invalidations | Ended);
  }
}
