/**
 * The leader's view of one follower.
 *
 *     probe ──accepted──▶ replicate ──rejected, connection lost, window timed out──▶ probe
 *
 * In `probe` the end of agreement is sought, one message per heartbeat or answer; in `replicate` messages are
 * pipelined within a window. Invariant: matchIndex < nextIndex.
 */
import type { RaftConstants } from './constants.ts';
import type { Index } from './types.ts';

interface Inflight {
  readonly lastIndex: Index;
  readonly bytes: number;
}

export interface Progress {
  state: 'probe' | 'replicate';
  /** Durable there, and equal to this log. Falls only when the follower begins a new life. */
  matchIndex: Index;
  nextIndex: Index;
  /** Null until it is heard from. A higher one is a new life, that may hold less. */
  bootId: number | null;
  /** When it last answered in this term. */
  lastContactAt: number;
  /** The highest round it answered. */
  ackedRound: number;
  /** Probe: a message is out, and neither answered nor given up. */
  paused: boolean;
  /** Entries were asked from disk for it. */
  reading: boolean;
  inflight: Inflight[];
  inflightBytes: number;
  /** Since when the window has stood without an acknowledgement of new entries. */
  inflightSince: number;
}

export function newProgress(nextIndex: Index, now: number): Progress {
  return {
    state: 'probe',
    matchIndex: 0 as Index,
    nextIndex,
    bootId: null,
    lastContactAt: now,
    ackedRound: 0,
    paused: false,
    reading: false,
    inflight: [],
    inflightBytes: 0,
    inflightSince: now,
  };
}

export function becomeProbe(progress: Progress, nextIndex: Index): void {
  progress.state = 'probe';
  progress.nextIndex = nextIndex;
  progress.paused = false;
  progress.reading = false;
  progress.inflight = [];
  progress.inflightBytes = 0;
}

/** A new life of the follower: what the old one held proves nothing. */
export function beginNewLife(progress: Progress, bootId: number, nextIndex: Index): void {
  progress.bootId = bootId;
  progress.matchIndex = 0 as Index;
  becomeProbe(progress, nextIndex);
}

export function windowIsFull(progress: Progress, constants: RaftConstants): boolean {
  return (
    progress.inflight.length >= constants.inflightMessagesMax || progress.inflightBytes >= constants.inflightBytesMax
  );
}

export function sent(progress: Progress, lastIndex: Index, bytes: number, now: number): void {
  if (progress.inflight.length === 0) progress.inflightSince = now;
  progress.inflight.push({ lastIndex, bytes });
  progress.inflightBytes += bytes;
  progress.nextIndex = (lastIndex + 1) as Index;
}

export function acknowledged(progress: Progress, matchIndex: Index, now: number): void {
  if (matchIndex > progress.matchIndex) {
    progress.matchIndex = matchIndex;
    progress.inflightSince = now;
  }
  progress.nextIndex = Math.max(progress.nextIndex, progress.matchIndex + 1) as Index;
  let released = 0;
  for (const message of progress.inflight) {
    if (message.lastIndex > progress.matchIndex) break;
    progress.inflightBytes -= message.bytes;
    released++;
  }
  if (released > 0) progress.inflight.splice(0, released);
}
