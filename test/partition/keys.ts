/** Few keys, and all that was asked of them: histories stay short enough to be judged, and contention high. */
import type { Operation, Request } from '../history/operation.ts';

export interface KeyGroupOptions {
  readonly name: string;
  /** Of its keys, and of no others. */
  readonly prefix: string;
  readonly keys: readonly string[];
  /** Of the whole group. */
  readonly operationsMax: number;
}

/** A write of unknown outcome may take effect at any later time: many of them are what makes a history hard to judge. */
const unknownMax = 60;

/** Keys with a prefix of their own, and all that was asked of them. */
export class KeyGroup {
  readonly name: string;
  readonly prefix: string;
  readonly keys: readonly string[];
  /** What was there before the first operation: acknowledged puts. */
  readonly opening: readonly Operation[];
  /** In the order of their ends, behind those of the group before that may yet take effect. */
  readonly operations: Operation[];
  readonly #options: KeyGroupOptions;
  /** The last revision that a client of the group heard of, by key; 0: no such key. */
  readonly #seen = new Map<string, number>();
  #begun = 0;
  #ended = 0;
  #recorded = 0;
  #unknown = 0;

  constructor(options: KeyGroupOptions, opening: readonly Operation[] = [], pending: readonly Operation[] = []) {
    const { name, prefix, keys } = options;
    this.#options = options;
    this.name = name;
    this.prefix = prefix;
    this.keys = keys;
    this.opening = opening;
    this.operations = [...pending];
  }

  /** It is time for a fresh one. */
  get isFull(): boolean {
    return this.#begun >= this.#options.operationsMax || this.#unknown >= unknownMax;
  }

  /** Nothing that was asked is without an outcome. */
  get isQuiet(): boolean {
    return this.#begun === this.#ended;
  }

  /** Operations that ended in this group and count. */
  get recorded(): number {
    return this.#recorded;
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
    this.#recorded += 1;
    this.operations.push(operation);
    if (operation.outcome.type === 'unknown') this.#unknown += 1;
    else this.#learn(operation);
  }

  /**
   * The same keys, from a list on that showed all of them and overlapped with nothing else. It begins with what the list
   * showed. Writes of unknown outcome that nobody has seen go on there: they may take effect after the list as well.
   */
  successor(name: string, list: Operation): KeyGroup {
    const seen = new Set([...this.operations, list].flatMap(valuesSeen));
    const pending = this.operations.filter(
      ({ request, outcome }) => outcome.type === 'unknown' && !(request.type === 'put' && seen.has(request.value)),
    );
    return new KeyGroup({ ...this.#options, name }, puttingBack(list), pending);
  }

  #learn({ request, outcome }: Operation): void {
    if (outcome.type !== 'answered' || request.type === 'list') return;
    const revision = revisionAfter(request, outcome.reply);
    this.#seen.set(request.key, revision);
  }
}

function valuesSeen({ outcome }: Operation): readonly string[] {
  if (outcome.type !== 'answered') return [];
  const { reply } = outcome;
  if (reply.type === 'listed') return reply.items.map(({ value }) => value);
  return reply.type === 'got' && reply.item !== null ? [reply.item.value] : [];
}

/** The puts that would have made what the list showed. */
function puttingBack({ outcome, ...list }: Operation): readonly Operation[] {
  if (outcome.type !== 'answered' || outcome.reply.type !== 'listed' || outcome.reply.more) {
    throw new Error('a history goes on from a list that shows everything');
  }
  return outcome.reply.items.map(({ key, value, modRevision: revision, version }) => ({
    ...list,
    client: 'opening',
    request: { type: 'put', key, value, condition: { type: 'none' } },
    outcome: { type: 'answered', reply: { type: 'put', revision, version, created: version === 1 } },
  }));
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
    case 'checked':
      return reply.current;
    case 'deleted':
    case 'notFound':
      return 0;
    case 'listed':
      throw new Error(`a ${request.type} was answered with a list`);
  }
}
