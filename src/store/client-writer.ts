/**
 * Writes, exactly once (dissertation §6.3). A write gets its session and sequence when it is first sent and keeps them
 * through every retry; the session's table in the replicated state answers a second arrival with the first result.
 *
 *     queued ──sent──▶ in flight ──done──▶ settled
 *        ▲                 │ refused before append, lost, leader changed
 *        └─────────────────┘
 *
 * `mayBeAppended` remembers if any attempt could have reached a log: only without it may "not applied" be said.
 */
import { unreachable } from '../raft/assert.ts';
import type { Clock } from '../raft/interfaces.ts';
import type { Index, ReplicaId } from '../raft/types.ts';
import type { Write, WriteOutcome, WriteType } from './client-types.ts';
import type { CommandResult } from './command.ts';
import { encodeCommand } from './command-codec.ts';
import { Deadlines } from './deadlines.ts';
import type { WriteReply } from './protocol.ts';
import type { LinkAnswer, ReplicaLink } from './replica-link.ts';
import { answersWrite } from './write-check.ts';

/** What a writer needs of a link. */
export type WriterLink = Pick<ReplicaLink, 'id' | 'request'>;

interface Session {
  readonly id: Index;
  nextSequence: number;
  /** Sent at least once and not answered; in order of sequence. */
  readonly open: Map<number, PendingWrite>;
}

interface PendingWrite {
  readonly write: Write;
  readonly deadlineAt: number;
  readonly settle: (outcome: WriteOutcome) => void;
  stamp: { readonly session: Session; readonly sequence: number } | null;
  mayBeAppended: boolean;
}

export interface WriterOptions {
  readonly clock: Clock;
  /** The link to the leader, if one is known and connected. */
  readonly leaderLink: () => WriterLink | null;
  readonly onNotLeader: (replica: ReplicaId, hint: ReplicaId | null) => void;
}

const openWritesMax = 32_768;
/** From the lowest unanswered sequence to the next one: under the session table's window of 65,536, which none may leave. */
const sequenceSpanMax = 60_000;
const batchCommandsMax = 256;
const batchBytesMax = 1024 * 1024;
/** More than one keeps the leader busy while an answer travels; few make what arrives meanwhile travel together. */
const batchesInFlightMax = 4;
const retryMs = 20;
/** An attempt at the leader is not given up sooner: a new leader, or a broken connection, ends it anyway. */
const attemptMsMin = 1000;

export class ClientWriter {
  readonly #options: WriterOptions;
  readonly #deadlines: Deadlines<PendingWrite>;
  /** Those that are open and not on their way, by the time they came. */
  readonly #queue = new Set<PendingWrite>();
  #session: Session | null = null;
  #openingSession = false;
  /** By the leader they were sent to, so that a change of leader takes them back. */
  readonly #inFlight = new Set<{ readonly link: WriterLink; readonly writes: readonly PendingWrite[] }>();
  #flushScheduled = false;
  #closed = false;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock, (write) => this.#expire(write));
  }

  write<Type extends WriteType>(
    write: Extract<Write, { readonly type: Type }>,
    timeoutMs: number,
  ): Promise<WriteOutcome<Type>> {
    // `answersWrite` holds what is answered against what was asked.
    return this.#write(write, timeoutMs) as Promise<WriteOutcome<Type>>;
  }

  #write(write: Write, timeoutMs: number): Promise<WriteOutcome> {
    return new Promise((settle) => {
      if (this.#closed) return settle({ type: 'noLeader' });
      if (this.#deadlines.size >= openWritesMax || this.#sequenceSpan() + this.#queue.size >= sequenceSpanMax) {
        return settle({ type: 'overloaded' });
      }
      const deadlineAt = this.#options.clock.now() + timeoutMs;
      const pending: PendingWrite = { write, deadlineAt, settle, stamp: null, mayBeAppended: false };
      this.#deadlines.add(pending);
      this.#queue.add(pending);
      this.schedule();
    });
  }

  /** To be called when the leader, or the connection to it, may have changed. */
  leaderChanged(): void {
    const link = this.#options.leaderLink();
    for (const batch of this.#inFlight) {
      if (link === null || batch.link === link) continue;
      // The old leader may have appended them; the session makes asking the new one harmless.
      this.#inFlight.delete(batch);
      for (const write of batch.writes) this.#requeue(write, true);
    }
    this.schedule();
  }

  schedule(): void {
    if (this.#flushScheduled || this.#closed) return;
    this.#flushScheduled = true;
    this.#options.clock.defer(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  close(): void {
    this.#closed = true;
    this.#deadlines.close();
  }

  #flush(): void {
    if (this.#closed) return;
    while (this.#queue.size > 0 && this.#inFlight.size < batchesInFlightMax) {
      const link = this.#options.leaderLink();
      if (link === null) return;
      if (this.#session === null) {
        this.#openSession(link);
        return;
      }
      const batch = this.#takeBatch(this.#session);
      if (batch.writes.length > 0) this.#send(link, batch.writes, batch.commands);
    }
  }

  #takeBatch(session: Session): { writes: PendingWrite[]; commands: Uint8Array[] } {
    const writes: PendingWrite[] = [];
    const commands: Uint8Array[] = [];
    let bytes = 0;
    for (const pending of this.#queue) {
      if (writes.length === batchCommandsMax || bytes >= batchBytesMax) break;
      this.#queue.delete(pending);
      const command = this.#encode(pending, session);
      if (command === null) continue;
      bytes += command.length;
      writes.push(pending);
      commands.push(command);
    }
    return { writes, commands };
  }

  #sequenceSpan(): number {
    if (this.#session === null) return 0;
    const { nextSequence, open } = this.#session;
    const [lowest = nextSequence] = open.keys();
    return nextSequence - lowest;
  }

  /** Null if it is no well-formed command: that fails this write alone, and it is settled. */
  #encode(pending: PendingWrite, session: Session): Uint8Array | null {
    if (pending.stamp === null) {
      pending.stamp = { session, sequence: session.nextSequence++ };
      session.open.set(pending.stamp.sequence, pending);
    }
    const { session: own, sequence } = pending.stamp;
    const [lowestUnanswered = sequence] = own.open.keys();
    try {
      return encodeCommand({ ...pending.write, stamp: { session: own.id, sequence, lowestUnanswered } });
    } catch (error) {
      this.#settle(pending, { type: 'invalid', reason: (error as Error).message });
      return null;
    }
  }

  #send(link: WriterLink, writes: readonly PendingWrite[], commands: readonly Uint8Array[]): void {
    const batch = { link, writes };
    this.#inFlight.add(batch);
    const now = this.#options.clock.now();
    const longest = writes.reduce((latest, { deadlineAt }) => Math.max(latest, deadlineAt - now), attemptMsMin);
    void link.request({ type: 'write', timeoutMs: longest, commands }, 'write', longest).then((answer) => {
      const current = this.#inFlight.delete(batch);
      this.#answered(link, writes, answer, current);
      this.schedule();
    });
  }

  /** `current` is false if the batch was taken back meanwhile: then only results still count. */
  #answered(link: WriterLink, writes: readonly PendingWrite[], answer: LinkAnswer, current: boolean): void {
    for (const [position, write] of writes.entries()) {
      if (!this.#deadlines.has(write)) continue;
      const reply = answer.type === 'write' ? answer.replies[position] : undefined;
      if (reply?.type === 'done') this.#done(link, write, reply.result);
      else if (current) this.#notDone(link, write, reply ?? { type: answer.type === 'notSent' ? 'notSent' : 'lost' });
    }
  }

  #done(link: WriterLink, write: PendingWrite, result: CommandResult): void {
    switch (result.type) {
      case 'sessionExpired':
        this.#sessionExpired(write);
        return;
      case 'invalidCommand':
        this.#settle(write, { type: 'invalid', reason: 'the replicas do not know this command' });
        return;
      default:
        this.#settle(
          write,
          answersWrite(write.write, result) ? { type: 'done', result, replica: link.id } : { type: 'unknown' },
        );
    }
  }

  /** This attempt was not executed; an earlier one may have been. */
  #sessionExpired(write: PendingWrite): void {
    const session = write.stamp?.session;
    if (session === this.#session) this.#session = null;
    if (write.mayBeAppended) {
      this.#settle(write, { type: 'unknown' });
      return;
    }
    this.#unstamp(write);
    this.#requeue(write, false);
  }

  #notDone(
    link: WriterLink,
    write: PendingWrite,
    reply: Exclude<WriteReply, { type: 'done' }> | { readonly type: 'notSent' | 'lost' },
  ): void {
    switch (reply.type) {
      case 'notLeader':
        this.#options.onNotLeader(link.id, reply.leader);
        this.#retryLater(write, false);
        return;
      case 'notSent':
        this.#retryLater(write, false);
        return;
      case 'lost':
      case 'unknown':
        this.#retryLater(write, true);
        return;
      case 'overloaded':
      case 'diskFull':
        if (write.mayBeAppended) this.#retryLater(write, true);
        else this.#settle(write, { type: reply.type });
        return;
      case 'invalid':
        this.#settle(write, write.mayBeAppended ? { type: 'unknown' } : reply);
        return;
      default:
        unreachable(reply);
    }
  }

  #retryLater(write: PendingWrite, mayBeAppended: boolean): void {
    write.mayBeAppended ||= mayBeAppended;
    this.#options.clock.setTimer(retryMs, () => this.#requeue(write, mayBeAppended));
  }

  #requeue(write: PendingWrite, mayBeAppended: boolean): void {
    write.mayBeAppended ||= mayBeAppended;
    if (!this.#deadlines.has(write)) return;
    this.#queue.add(write);
    this.schedule();
  }

  #settle(write: PendingWrite, outcome: WriteOutcome): void {
    if (!this.#deadlines.remove(write)) return;
    this.#queue.delete(write);
    this.#unstamp(write);
    write.settle(outcome);
  }

  #unstamp(write: PendingWrite): void {
    if (write.stamp === null) return;
    write.stamp.session.open.delete(write.stamp.sequence);
    write.stamp = null;
  }

  #expire(write: PendingWrite): void {
    const sent = [...this.#inFlight].some((batch) => batch.writes.includes(write));
    this.#queue.delete(write);
    this.#unstamp(write);
    write.settle({ type: write.mayBeAppended || sent ? 'unknown' : 'noLeader' });
  }

  #openSession(link: WriterLink): void {
    if (this.#openingSession) return;
    this.#openingSession = true;
    const request = {
      type: 'write',
      timeoutMs: attemptMsMin,
      commands: [encodeCommand({ type: 'openSession' })],
    } as const;
    void link.request(request, 'write', attemptMsMin).then((answer) => {
      this.#openingSession = false;
      const reply = answer.type === 'write' ? answer.replies[0] : undefined;
      if (reply?.type === 'done' && reply.result.type === 'sessionOpened') {
        this.#session = { id: reply.result.session, nextSequence: 1, open: new Map() };
        this.schedule();
        return;
      }
      if (reply?.type === 'notLeader') this.#options.onNotLeader(link.id, reply.leader);
      if (reply?.type === 'overloaded' || reply?.type === 'diskFull') this.#refuseQueued(reply.type);
      this.#options.clock.setTimer(retryMs, () => this.schedule());
    });
  }

  /** Without a session nothing queued was sent; only what an expired one has left may have been. */
  #refuseQueued(type: 'overloaded' | 'diskFull'): void {
    for (const write of this.#queue) {
      if (!write.mayBeAppended) this.#settle(write, { type });
    }
  }
}
