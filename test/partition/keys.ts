/** Few keys, for a while: histories of a key stay short enough to be judged, and contention high. */
import type { Operation, Request } from '../history/operation.ts';

const keyNames = ['a', 'b', 'c'];
/** Of the whole group. */
const operationsMax = 1000;
/** A write of unknown outcome may take effect at any later time: many of them are what makes a history hard to judge. */
const unknownMax = 60;

/** Keys with a prefix of their own, and all that was asked of them. */
export class KeyGroup {
  readonly name: string;
  readonly prefix: string;
  readonly keys: readonly string[];
  /** In the order of their ends. */
  readonly operations: Operation[] = [];
  /** The last revision that a client of the group heard of, by key; 0: no such key. */
  readonly #seen = new Map<string, number>();
  #begun = 0;
  #ended = 0;
  #unknown = 0;

  constructor(number: number) {
    this.name = `group-${number}`;
    this.prefix = `${this.name}/`;
    this.keys = keyNames.map((name) => `${this.prefix}${name}`);
  }

  /** It is time for a fresh one. */
  get isFull(): boolean {
    return this.#begun >= operationsMax || this.#unknown >= unknownMax;
  }

  /** Nothing that was asked is without an outcome. */
  get isQuiet(): boolean {
    return this.#begun === this.#ended;
  }

  lastSeen(key: string): number {
    return this.#seen.get(key) ?? 0;
  }

  begin(): void {
    this.#begun += 1;
  }

  /** `operation` null: it only read, and failed. */
  end(operation: Operation | null): void {
    this.#ended += 1;
    if (operation === null) return;
    this.operations.push(operation);
    if (operation.outcome.type === 'unknown') this.#unknown += 1;
    else this.#learn(operation);
  }

  #learn({ request, outcome }: Operation): void {
    if (outcome.type !== 'answered' || request.type === 'list') return;
    const revision = revisionAfter(request, outcome.reply);
    this.#seen.set(request.key, revision);
  }
}

type Answered = Extract<Operation['outcome'], { type: 'answered' }>['reply'];

/** What the key is at, as far as the reply says. */
function revisionAfter(request: Exclude<Request, { type: 'list' }>, reply: Answered): number {
  switch (reply.type) {
    case 'got':
      return reply.item?.modRevision ?? 0;
    case 'put':
      return reply.revision;
    case 'conditionFailed':
      return reply.current;
    case 'deleted':
    case 'notFound':
      return 0;
    case 'listed':
      throw new Error(`a ${request.type} was answered with a list`);
  }
}
