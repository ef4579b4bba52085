import type { Command } from '../../src/store/command.ts';
import { decodeCommand } from '../../src/store/command-codec.ts';
import type { ReplicaStatus, StoreRequest } from '../../src/store/protocol.ts';
import type { LinkAnswer } from '../../src/store/replica-link.ts';

export interface SentRequest {
  readonly request: StoreRequest;
  readonly commands: readonly Command[];
  answer(answer: LinkAnswer): void;
}

/** A link whose answers the test gives, request by request. */
export class FakeLink {
  readonly id: string;
  readonly sent: SentRequest[] = [];
  connected = true;
  healthy = true;
  status: ReplicaStatus | null = null;
  /** Opens sessions by itself, under these ids in turn. */
  readonly #sessions: number[];

  constructor(id: string, sessions: readonly number[] = []) {
    this.id = id;
    this.#sessions = [...sessions];
  }

  request(request: StoreRequest): Promise<LinkAnswer> {
    const commands = request.type === 'write' ? request.commands.map((bytes) => decodeCommand(bytes) as Command) : [];
    const session = this.#sessions[0];
    if (commands[0]?.type === 'openSession' && session !== undefined) {
      this.#sessions.shift();
      const result = { type: 'sessionOpened', session: session as never } as const;
      return Promise.resolve({ type: 'write', replies: [{ type: 'done', result }] });
    }
    return new Promise((answer) => this.sent.push({ request, commands, answer }));
  }

  /** The oldest request not yet taken. */
  take(): SentRequest {
    const sent = this.sent.shift();
    if (sent === undefined) throw new Error(`nothing was sent to ${this.id}`);
    return sent;
  }
}
