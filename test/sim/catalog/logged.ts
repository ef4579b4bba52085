/** The committed commands, and what each of them came to by the model. */
import type { Command, CommandResult } from '../../../src/store/command.ts';
import { nameOf } from './writes.ts';

export interface LoggedCommand {
  readonly index: number;
  /** Null: the entry is no command. */
  readonly command: Command | null;
  readonly result: CommandResult | null;
  /** Not only answered again. */
  readonly isExecuted: boolean;
}

export class LoggedCommands {
  readonly #commands: readonly LoggedCommand[];
  readonly #named = new Map<string, LoggedCommand[]>();

  constructor(commands: readonly LoggedCommand[]) {
    this.#commands = commands;
    for (const one of commands) {
      const name = one.command && nameOf(one.command);
      if (name !== null) this.#named.set(name, [...(this.#named.get(name) ?? []), one]);
    }
  }

  get all(): readonly LoggedCommand[] {
    return this.#commands;
  }

  at(index: number): LoggedCommand | null {
    return this.#commands[index - 1] ?? null;
  }

  /** In the order of the log. */
  named(name: string): readonly LoggedCommand[] {
    return this.#named.get(name) ?? [];
  }

  get names(): Iterable<string> {
    return this.#named.keys();
  }
}
