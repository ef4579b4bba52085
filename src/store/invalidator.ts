/**
 * The leader's side of the stream of invalidations (DESIGN-stream.md). Nothing is waited for: a gateway that does not
 * keep up is told that its stream ended, and begins anew.
 */
import { unreachable } from '../raft/assert.ts';
import type { LogTail } from '../raft/interfaces.ts';
import type { Entry, Index } from '../raft/types.ts';
import type { Command } from './command.ts';
import { decodeCommand } from './command-codec.ts';
import type { Follow, GatewayEvent, TouchedEntry } from './invalidation.ts';
import {
  encodeBatch,
  encodeEnded,
  encodeGranted,
  encodeInvalidations,
  encodeRefused,
  touchedEntriesMax,
} from './invalidation-codec.ts';
import { LeaseQuestions } from './lease-questions.ts';
import type { Publishing } from './publishing.ts';
import { type Touches, touchesMax } from './touch.ts';

/** A connection that a gateway opened for its stream: one object as long as it lives. */
export interface StreamPeer {
  /** The gateway's. */
  readonly publicKey: string;
  readonly congested: boolean;
  /** Never throws; dropped when the connection is gone. */
  event(bytes: Uint8Array): void;
  /** Called once; at once if the connection is gone. */
  onClose(callback: () => void): void;
}

export interface InvalidatorOptions {
  /** As in `Follow`. */
  readonly lineage: string;
  /** A superset of what the command may change, whatever the state it meets. */
  readonly touchesOf: (command: Command) => Touches;
  readonly publishing: Pick<
    Publishing<StreamPeer>,
    'asked' | 'grant' | 'told' | 'committed' | 'confirmed' | 'released' | 'gone' | 'ended'
  >;
}

/** What is told of a stretch of the log. */
interface Batch {
  readonly to: Index;
  readonly bytes: Uint8Array;
}

interface Subscriber {
  readonly streamId: string;
  /** The end of what was last sent. */
  sentTo: Index;
  announced: Index;
  readonly questions: LeaseQuestions;
}

/** Each may have as much waiting in memory as a connection holds before it is congested. */
const subscribersMax = 128;
/** What a stream is resumed over: working out the touches of more would hold up the replica. */
const resumeEntriesMax = 8192;
/** A single entry may take more. */
const batchBytesMax = 256 * 1024;
/** What its index and the count of its touches take, at most. */
const entryOverheadBytes = 12;

const nothing: Touches = [];

export class Invalidator {
  readonly #options: InvalidatorOptions;
  #tail: LogTail | null = null;
  /** Invariant: empty while this replica does not lead; all streams are of `#tail`'s term. */
  readonly #subscribers = new Map<StreamPeer, Subscriber>();
  /** The last stream that each has begun, or would have. */
  readonly #begun = new WeakMap<StreamPeer, number>();
  /** Those whose end is heard. */
  readonly #heard = new WeakSet<StreamPeer>();
  /** Worked out once, and forgotten when the log's memory forgets the entry. */
  readonly #touches = new WeakMap<Entry, Touches>();
  #messages = 0;
  #congestions = 0;

  constructor(options: InvalidatorOptions) {
    this.#options = options;
  }

  /** For metrics. */
  statistics(): { readonly streams: number; readonly messages: number; readonly congestions: number } {
    return { streams: this.#subscribers.size, messages: this.#messages, congestions: this.#congestions };
  }

  receive(peer: StreamPeer, event: GatewayEvent): void {
    if (event.type === 'follow') {
      this.#follow(peer, event);
      return;
    }
    const subscriber = this.#subscribers.get(peer);
    if (subscriber?.streamId !== event.streamId) return;
    const { publishing } = this.#options;
    switch (event.type) {
      case 'renew':
        if (subscriber.questions.isNew(event.request)) this.#ask(peer, subscriber, event.request);
        return;
      case 'confirmed':
        if (event.term === this.#tail?.term) publishing.confirmed(peer, event.through);
        return;
      case 'released':
        if (subscriber.questions.giveUp(event.request)) publishing.released(peer);
        return;
      default:
        unreachable(event);
    }
  }

  #ask(peer: StreamPeer, { streamId, questions }: Subscriber, request: number): void {
    const term = this.#tail?.term;
    const hearing = term === undefined ? null : this.#options.publishing.asked(peer, term);
    if (hearing?.type === 'heard') questions.add({ request, round: hearing.round, at: hearing.at });
    else if (hearing !== null) peer.event(encodeRefused({ streamId, request, ...hearing }));
  }

  /** Grants what was asked for before the last round left that a quorum has acknowledged. */
  #answer({ term, acknowledgedRound }: LogTail): void {
    for (const [peer, { streamId, questions }] of this.#subscribers) {
      const question = questions.proven(acknowledgedRound);
      const grant = question === null ? null : this.#options.publishing.grant(peer, question.at, term);
      if (question === null || grant === null) continue;
      peer.event(encodeGranted({ type: 'granted', streamId, request: question.request, term, ...grant }));
    }
  }

  /** A gateway wants a stream, in place of the one it has. */
  #follow(peer: StreamPeer, { lineage, streamId, nth, term, published }: Follow): void {
    const begun = this.#begun.get(peer) ?? 0;
    if (nth <= begun) return;
    this.#begun.set(peer, nth);
    this.#subscribers.delete(peer);
    // Whoever follows anew has dropped what it held.
    this.#options.publishing.released(peer);
    const tail = this.#tail;
    const leads = tail?.leads && term <= tail.term;
    const hasRoom = this.#subscribers.size < subscribersMax && !peer.congested;
    const accepts = leads && lineage === this.#options.lineage && hasRoom;
    const batches = accepts ? this.#resumed(tail, published) : null;
    if (!accepts || batches === null) {
      peer.event(encodeEnded(streamId));
      return;
    }
    const [sentTo, announced] = [tail.lastIndex, tail.publishIndex];
    this.#subscribers.set(peer, { streamId, sentTo, announced, questions: new LeaseQuestions() });
    if (!this.#heard.has(peer)) {
      this.#heard.add(peer);
      peer.onClose(() => {
        this.#subscribers.delete(peer);
        // A follow that is heard only now must not stay for ever.
        this.#heard.delete(peer);
        this.#options.publishing.gone(peer);
      });
    }
    this.#send(peer, streamId, batches);
  }

  /** To be called whenever the tail has changed, once for all that changed together. */
  tail(tail: LogTail): void {
    const before = this.#tail;
    this.#tail = tail;
    if (!tail.leads || tail.term !== before?.term) {
      this.#options.publishing.ended();
      this.#endAll();
    }
    // Those who stand at the same place get the same bytes.
    const batchesFrom = new Map<Index, readonly Batch[] | null>();
    for (const [peer, subscriber] of this.#subscribers) {
      const { streamId, sentTo, announced } = subscriber;
      if (sentTo === tail.lastIndex && announced === tail.publishIndex) continue;
      if (!peer.congested && !batchesFrom.has(sentTo)) batchesFrom.set(sentTo, this.#batches(tail, sentTo));
      subscriber.sentTo = tail.lastIndex;
      subscriber.announced = tail.publishIndex;
      this.#send(peer, streamId, batchesFrom.get(sentTo) ?? null);
    }
    // Of a replica alone it may be what has just been told.
    if (!tail.leads) return;
    this.#options.publishing.committed(tail.commitIndex);
    if (tail.acknowledgedRound !== before?.acknowledgedRound) this.#answer(tail);
  }

  /** All of them, or the stream ends. */
  #send(peer: StreamPeer, streamId: string, batches: readonly Batch[] | null): void {
    if (batches === null) {
      this.#end(peer, streamId);
      return;
    }
    for (const { to, bytes } of batches) {
      if (peer.congested) {
        this.#congestions += 1;
        this.#end(peer, streamId);
        return;
      }
      this.#messages += 1;
      peer.event(encodeInvalidations(streamId, bytes));
      this.#options.publishing.told(peer, to);
    }
  }

  #endAll(): void {
    for (const [peer, { streamId }] of this.#subscribers) this.#end(peer, streamId);
  }

  #end(peer: StreamPeer, streamId: string): void {
    this.#subscribers.delete(peer);
    peer.event(encodeEnded(streamId));
  }

  /**
   * From the gateway's own place, or from what is published, which leaves a gap; null if memory does not hold the rest.
   * Never from further on: what is not published may never be, and the gateway would refuse all copies up to there.
   */
  #resumed(tail: LogTail, published: Index): readonly Batch[] | null {
    for (const from of [published, tail.publishIndex]) {
      const isNear = from <= tail.lastIndex && tail.lastIndex - from <= resumeEntriesMax;
      const batches = isNear ? this.#batches(tail, from) : null;
      if (batches !== null) return batches;
    }
    return null;
  }

  /** What follows `from`, encoded, at least one; null if memory no longer holds it, or this replica no longer leads. */
  #batches(tail: LogTail, from: Index): readonly Batch[] | null {
    const entries = tail.entries((from + 1) as Index, tail.lastIndex);
    if (entries === null) return null;
    const batches: Batch[] = [];
    let batchFrom = from;
    let touched: TouchedEntry[] = [];
    let bytes = 0;
    for (const entry of entries) {
      const touches = this.#touchesOf(entry);
      if (touches !== 'everything' && touches.length === 0) continue;
      const entryBytes = entryOverheadBytes + (touches === 'everything' ? 0 : 4 * touches.length);
      if (touched.length > 0 && (bytes + entryBytes > batchBytesMax || touched.length === touchedEntriesMax)) {
        const batchTo = (entry.index - 1) as Index;
        batches.push(this.#batch(tail, batchFrom, batchTo, touched));
        batchFrom = batchTo;
        touched = [];
        bytes = 0;
      }
      touched.push({ index: entry.index, touches });
      bytes += entryBytes;
    }
    batches.push(this.#batch(tail, batchFrom, tail.lastIndex, touched));
    return batches;
  }

  #batch({ term, publishIndex }: LogTail, from: Index, to: Index, touches: readonly TouchedEntry[]): Batch {
    return { to, bytes: encodeBatch({ lineage: this.#options.lineage, term, from, to, publishIndex, touches }) };
  }

  #touchesOf(entry: Entry): Touches {
    if (entry.type !== 'command') return nothing;
    const known = this.#touches.get(entry);
    if (known !== undefined) return known;
    const command = decodeCommand(entry.command);
    // What this version cannot read, a later one may execute.
    const declared = command === null ? 'everything' : this.#options.touchesOf(command);
    const touches = declared !== 'everything' && declared.length > touchesMax ? 'everything' : declared;
    this.#touches.set(entry, touches);
    return touches;
  }
}
