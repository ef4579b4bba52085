/** What clients asked for and were told, over all lives, by the bytes that they sent. */
import type { Command, CommandResult } from '../../../src/store/command.ts';
import { encodeCommand } from '../../../src/store/command-codec.ts';
import { commandOf, fingerprint } from './command.ts';
import { type LifeLine, resultIn } from './protocol.ts';

export interface Attempts {
  readonly command: Command;
  /** How often these bytes may have come into the log. */
  sent: number;
  /** The answers, in no order. */
  readonly results: CommandResult[];
}

export class AttemptBook {
  readonly #byFingerprint = new Map<string, Attempts>();
  /** Of the life that speaks. */
  readonly #byNumber = new Map<number, Attempts>();

  get all(): IterableIterator<[fingerprint: string, attempts: Attempts]> {
    return this.#byFingerprint.entries();
  }

  get(of: string): Attempts | undefined {
    return this.#byFingerprint.get(of);
  }

  beginLife(): void {
    this.#byNumber.clear();
  }

  asked({ attempt, command: named }: Extract<LifeLine, { readonly type: 'asked' }>): void {
    const command = commandOf(named);
    const name = fingerprint(encodeCommand(command));
    const attempts = this.#byFingerprint.get(name) ?? { command, sent: 0, results: [] };
    attempts.sent++;
    this.#byFingerprint.set(name, attempts);
    this.#byNumber.set(attempt, attempts);
  }

  answered({ attempt, reply }: Extract<LifeLine, { readonly type: 'answered' }>): void {
    const attempts = this.#byNumber.get(attempt);
    if (attempts === undefined) throw new Error(`nobody asked what attempt ${attempt} answers`);
    const result = resultIn(reply);
    if (result !== null) attempts.results.push(result);
    else if (reply.type !== 'unknown') attempts.sent--;
  }
}
