/** What one life of the replica is told to do, and what it says: JSON lines on its stdout. */
import type { Command, CommandResult, KeyValue } from '../../../src/store/command.ts';
import type { WriteReply } from '../../../src/store/protocol.ts';

export interface LifeOrders {
  readonly directory: string;
  /** Of what it asks for. */
  readonly seed: number;
  readonly valueBytesMax: number;
  /** False: it tells what it found, reads every key, and closes. */
  readonly works: boolean;
  /** The session goes on, and its open writes are asked for again. Null: it opens one. */
  readonly session: OpenSession | null;
}

export interface OpenSession {
  readonly id: number;
  readonly nextSequence: number;
  /** Asked for and not answered: they may have been done. */
  readonly open: readonly NamedWrite[];
}

/** Stands for the bytes of a value. */
export interface ValueName {
  readonly type: 'text' | 'noise';
  readonly seed: string;
  readonly bytes: number;
}

type Put = Extract<Command, { type: 'put' }>;
export type NamedWrite = Extract<Command, { type: 'delete' }> | (Omit<Put, 'value'> & { readonly value: ValueName });
export type NamedCommand = Extract<Command, { type: 'openSession' }> | NamedWrite;

export interface FoundEntry {
  readonly term: number;
  /** Of a command's bytes; null for other entries. */
  readonly fingerprint: string | null;
}

/** What stood on the disk when the replica had started. */
export interface Found {
  readonly type: 'found';
  readonly currentTerm: number;
  readonly votedFor: string | null;
  readonly claim: { readonly term: number; readonly index: number } | null;
  /** From index 1 on. */
  readonly entries: readonly FoundEntry[];
  /** What the product said while it started. */
  readonly notes: readonly Note[];
}

export interface Note {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
}

export type ItemSeen = Omit<KeyValue, 'value'> & { readonly valueFingerprint: string };

/** Every key, as a client reads it before anything new is asked for. */
export interface Served {
  readonly type: 'served';
  readonly term: number;
  readonly revision: number;
  readonly items: readonly ItemSeen[];
  readonly stateDigest: string;
}

export type LifeLine =
  | { readonly type: 'opening' }
  /** What its log holds is judged; the first batch of this life is still to be written. */
  | { readonly type: 'judged' }
  /** It must not start. */
  | { readonly type: 'refused'; readonly code: string; readonly reason: string }
  | Found
  | Served
  | { readonly type: 'asked'; readonly attempt: number; readonly command: NamedCommand }
  | {
      readonly type: 'answered';
      readonly attempt: number;
      readonly reply: WriteReply;
      /** How far the log was committed at that moment. */
      readonly commitIndex: number;
    }
  | { readonly type: 'read'; readonly key: string; readonly revision: number; readonly item: ItemSeen | null }
  /** It cannot go on. */
  | { readonly type: 'failed'; readonly code: string; readonly reason: string }
  /** Said in its stead: one of LevelDB's own assertions ended the process. */
  | { readonly type: 'aborted' }
  | { readonly type: 'closed' };

/** Null: it was not done, or nobody knows. */
export function resultIn(reply: WriteReply): CommandResult | null {
  return reply.type === 'done' ? reply.result : null;
}
