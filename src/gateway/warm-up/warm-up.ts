/**
 * From one run of a gateway to the next: fetches at the start what was hot at the end of the run before, and writes down
 * what is hot now. Nothing waits for it, and nothing of it can fail a start.
 */
import { createHash } from 'node:crypto';
import type { Logger } from '../../logger.ts';
import type { Clock } from '../../system-clock.ts';
import type { HotFile } from './hot-file.ts';
import { decodeHotList, encodeHotList, type Question } from './hot-list.ts';
import { pause } from './pause.ts';
import { type KeptAnswers, Warmer, type WarmUpCounts } from './warmer.ts';

export interface WarmUpOptions {
  readonly file: HotFile;
  readonly clusterId: string;
  readonly kept: KeptAnswers;
  readonly clock: Clock;
  readonly log: Logger;
}

const saveIntervalMs = 60_000;
const leaderPollMs = 50;

export class WarmUp {
  readonly #options: WarmUpOptions;
  readonly #stop = new AbortController();
  readonly #warmer: Warmer;
  readonly #run: Promise<void>;
  /** Of what the file holds. */
  #savedDigest: string | null = null;
  #isSaveFailing = false;

  /** Begins at once. */
  constructor(options: WarmUpOptions) {
    const { kept, clock, log } = options;
    this.#options = options;
    const onProgress = (left: number) => log.info('warm-up goes on', { ...this.#warmer.counts, left });
    this.#warmer = new Warmer({ kept, clock, signal: this.#stop.signal, onProgress });
    this.#run = this.#runUntilStopped();
  }

  get counts(): WarmUpCounts {
    return this.#warmer.counts;
  }

  /** Writes a last time what is hot. Never rejects. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#run;
  }

  async #runUntilStopped(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    const questions = await this.#load();
    if (questions === null) return;
    if (questions.length > 0) await this.#warm(questions);
    // Not at all if it was stopped before it is warm: that would leave less than there is.
    while (!signal.aborted) {
      await pause(clock, saveIntervalMs, signal);
      await this.#save();
    }
  }

  /** Null if the file is not ours to write. */
  async #load(): Promise<readonly Question[] | null> {
    const { file, clusterId, log } = this.#options;
    const ignored = (reason: string, remedy: string) => {
      log.warn(`the list of what was hot is ignored: ${reason}; ${remedy}`, { file: file.path });
    };
    const untouched = 'it is left as it is, and nothing is written: choose another file with --warm-up';
    const bytes = await file.read().catch((error: Error) => error);
    if (bytes instanceof Error) {
      ignored(bytes.message, untouched);
      return null;
    }
    if (bytes === null) return [];
    const list = decodeHotList(clusterId, bytes);
    switch (list.type) {
      case 'list':
        this.#savedDigest = digestOf(bytes);
        return list.questions;
      case 'useless':
        ignored(list.reason, 'it is replaced');
        return [];
      case 'alien':
        ignored(list.reason, untouched);
        return null;
    }
  }

  async #warm(questions: readonly Question[]): Promise<void> {
    const { kept, clock, log } = this.#options;
    while (!kept.canKeep && !this.#stop.signal.aborted) await pause(clock, leaderPollMs, this.#stop.signal);
    const began = clock.now();
    log.info('warm-up begins', { questions: questions.length });
    const end = await this.#warmer.warm(questions);
    const { warmed, skipped } = this.counts;
    const left = questions.length - warmed - skipped;
    log.info('warm-up ended', { end, warmed, skipped, left, ms: Math.round(clock.now() - began) });
  }

  async #save(): Promise<void> {
    const { file, clusterId, kept, log } = this.#options;
    const bytes = encodeHotList(clusterId, kept.hottest());
    const digest = digestOf(bytes);
    if (digest === this.#savedDigest) return;
    try {
      await file.write(bytes);
      this.#savedDigest = digest;
      this.#isSaveFailing = false;
    } catch (error) {
      const reason = `the list of what is hot cannot be written: ${(error as Error).message}`;
      if (!this.#isSaveFailing) log.warn(`${reason}; it is tried again every minute`, { file: file.path });
      this.#isSaveFailing = true;
    }
  }
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
