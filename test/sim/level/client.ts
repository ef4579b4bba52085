/**
 * A client inside the replica's process: writes in a session, several at once, some of them twice, and reads between.
 * It says what it asks for before it asks, and what it was answered.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { invariant } from '../../../src/raft/assert.ts';
import type { Index } from '../../../src/raft/types.ts';
import type { Precondition, Query, QueryResult, RevisionMatch } from '../../../src/store/command.ts';
import { noPrecondition } from '../../../src/store/command.ts';
import { encodeCommand } from '../../../src/store/command-codec.ts';
import type { ReplicaStatus, StoreReply, StoreRequest, WriteReply } from '../../../src/store/protocol.ts';
import { type SeededRandom, streamOf } from '../random.ts';
import { commandOf, itemSeen } from './command.ts';
import {
  type ItemSeen,
  type LifeLine,
  type LifeOrders,
  type NamedCommand,
  type NamedWrite,
  resultIn,
} from './protocol.ts';

export interface LevelClientOptions {
  readonly orders: LifeOrders;
  readonly ask: (request: StoreRequest) => Promise<StoreReply>;
  readonly status: () => ReplicaStatus;
  readonly say: (line: LifeLine) => void;
}

const keys = [...Array.from({ length: 40 }, (_, position) => `shelf/${position}`), 'é', '\uffff', '𐀀', 'a'.repeat(300)];
const lanesMax = 5;
const commandsPerRequestMax = 8;
/** A page of a list holds no more; large values take several pages. */
const listLimit = 1000;
const timeoutMs = 60_000;
const retryMs = 5;
const recentMax = 20;

export class LevelClient {
  readonly #options: LevelClientOptions;
  readonly #random: SeededRandom;
  readonly #open = new Map<number, NamedWrite>();
  /** Not done at the last attempt. */
  readonly #again: NamedWrite[] = [];
  /** Asked for lately, answered or not: some arrive a second time. */
  readonly #recent: NamedWrite[] = [];
  /** The last revision it heard of, by key; 0: no such key. */
  readonly #seen = new Map<string, number>();
  #session = 0;
  #nextSequence = 1;
  #attempts = 0;
  #values = 0;
  #stopping = false;

  constructor(options: LevelClientOptions) {
    this.#options = options;
    this.#random = streamOf(options.orders.seed, 'client');
  }

  /** Every key, in one state; resolves when the replica leads and has applied its log. */
  async serve(): Promise<void> {
    const { status, say } = this.#options;
    for (;;) {
      const { revision, items } = await this.#list();
      const { term, stateDigest, appliedIndex } = status();
      // The digest is that of what was read, unless an election came between.
      if (appliedIndex !== revision) continue;
      say({ type: 'served', term, revision, items, stateDigest });
      return;
    }
  }

  async #list(): Promise<{ readonly revision: number; readonly items: readonly ItemSeen[] }> {
    const items: ItemSeen[] = [];
    for (;;) {
      const after = items.at(-1)?.key ?? null;
      const result = await this.#query({ type: 'list', prefix: '', after, limit: listLimit, keysOnly: false });
      invariant(result.type === 'list', 'a list is answered with a list');
      items.push(...result.items.map(itemSeen));
      if (!result.more) return { revision: result.revision, items };
    }
  }

  async readEveryKey(): Promise<void> {
    for (const key of keys) await this.#read(key);
  }

  /** Resolves behind `stop`, once all that was asked for is answered. */
  async work(): Promise<void> {
    await this.#beginSession();
    const lanes = this.#random.integer(1, lanesMax);
    await Promise.all(Array.from({ length: lanes }, () => this.#lane()));
  }

  /** Nothing more is asked for. */
  stop(): void {
    this.#stopping = true;
  }

  async #beginSession(): Promise<void> {
    const { session } = this.#options.orders;
    if (session !== null) {
      this.#session = session.id;
      this.#nextSequence = session.nextSequence;
      for (const write of session.open) this.#open.set(write.stamp.sequence, write);
      this.#again.push(...session.open);
      return;
    }
    while (this.#session === 0 && !this.#stopping) {
      const [reply] = await this.#send([{ type: 'openSession' }]);
      const result = reply === undefined ? null : resultIn(reply);
      if (result?.type === 'sessionOpened') this.#session = result.session;
      else await delay(retryMs);
    }
  }

  async #lane(): Promise<void> {
    while (!this.#stopping) {
      if (this.#random.chance(0.15)) await this.#read(this.#random.pick(keys));
      else await this.#write();
    }
  }

  async #write(): Promise<void> {
    const writes = Array.from({ length: this.#random.integer(1, commandsPerRequestMax) }, () => this.#next());
    const replies = await this.#send(writes);
    let refused = false;
    for (const [position, write] of writes.entries()) {
      const reply = replies[position];
      invariant(reply !== undefined, 'every command has its reply');
      if (!this.#learn(write, reply)) refused = true;
    }
    if (refused) await delay(retryMs);
  }

  #next(): NamedWrite {
    for (let again = this.#again.shift(); again !== undefined; again = this.#again.shift()) {
      // Its copy may have been answered meanwhile.
      if (this.#open.has(again.stamp.sequence)) return this.#remember(this.#withLowest(again));
    }
    if (this.#recent.length > 0 && this.#random.chance(0.12)) return this.#random.pick(this.#recent);
    const sequence = this.#nextSequence++;
    const stamp = { session: this.#session as Index, sequence, lowestUnanswered: sequence };
    const write = this.#fresh(stamp);
    this.#open.set(sequence, write);
    return this.#remember(this.#withLowest(write));
  }

  #fresh(stamp: NamedWrite['stamp']): NamedWrite {
    const key = this.#random.pick(keys);
    const precondition = this.#precondition(key);
    if (this.#random.chance(0.2)) return { type: 'delete', stamp, key, precondition };
    const { seed, valueBytesMax } = this.#options.orders;
    const value = {
      type: this.#random.pick(['text', 'noise'] as const),
      seed: `${seed}/${this.#values++}`,
      bytes: Math.floor(valueBytesMax * this.#random.next() ** 3),
    };
    const contentType = this.#random.pick(['', 'text/plain']);
    return { type: 'put', stamp, key, precondition, contentType, value };
  }

  #precondition(key: string): Precondition {
    const revision = this.#seen.get(key) ?? 0;
    const match: RevisionMatch = revision > 0 && this.#random.chance(0.8) ? [revision] : '*';
    if (this.#random.chance(0.6)) return noPrecondition;
    return this.#random.chance(0.6) ? { ifMatch: match, ifNoneMatch: null } : { ifMatch: null, ifNoneMatch: match };
  }

  #withLowest(write: NamedWrite): NamedWrite {
    const lowestUnanswered = Math.min(...this.#open.keys());
    return { ...write, stamp: { ...write.stamp, lowestUnanswered } };
  }

  #remember(write: NamedWrite): NamedWrite {
    this.#recent.push(write);
    if (this.#recent.length > recentMax) this.#recent.shift();
    return write;
  }

  /** False if it was refused. */
  #learn(write: NamedWrite, reply: WriteReply): boolean {
    const { sequence } = write.stamp;
    const result = resultIn(reply);
    if (result === null) {
      if (this.#open.has(sequence)) this.#again.push(write);
      return false;
    }
    // An old copy may come when its result is gone: that says nothing of a write that is still open.
    if (result.type !== 'sessionExpired') this.#open.delete(sequence);
    if (result.type === 'put' || result.type === 'preconditionFailed') this.#seen.set(write.key, result.revision);
    else if (result.type === 'deleted' || result.type === 'notFound') this.#seen.set(write.key, 0);
    return true;
  }

  async #send(commands: readonly NamedCommand[]): Promise<readonly WriteReply[]> {
    const { ask, say, status } = this.#options;
    const first = this.#attempts;
    for (const command of commands) say({ type: 'asked', attempt: this.#attempts++, command });
    const encoded = commands.map((command) => encodeCommand(commandOf(command)));
    const reply = await ask({ type: 'write', timeoutMs, commands: encoded });
    invariant(reply.type === 'write', 'a write is answered with a write');
    const { commitIndex } = status();
    for (const [position, each] of reply.replies.entries()) {
      say({ type: 'answered', attempt: first + position, reply: each, commitIndex });
    }
    return reply.replies;
  }

  async #read(key: string): Promise<void> {
    const result = await this.#query({ type: 'get', key, withValue: true });
    invariant(result.type === 'get', 'a get is answered with a get');
    const { revision, item } = result;
    this.#options.say({ type: 'read', key, revision, item: item === null ? null : itemSeen(item) });
  }

  async #query(query: Query): Promise<QueryResult> {
    for (;;) {
      const reply = await this.#options.ask({ type: 'read', timeoutMs, queries: [query] });
      invariant(reply.type === 'read', 'a read is answered with a read');
      const [first] = reply.replies;
      if (first?.type === 'done') return first.result;
      await delay(retryMs);
    }
  }
}
