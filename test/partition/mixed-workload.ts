/** Small teams of clients, each with few keys for a while: every kind of request, and much contention. */
import type { Operation, Request, Value } from '../history/operation.ts';
import { KeyGroup } from './keys.ts';
import type { Asker, OnRetired, Turn, Workload, WorkloadWorld } from './workload.ts';

/** So many clients, at most, ask for a key at the same time. */
const teamSize = 6;
const keyNames = ['a', 'b', 'c'];
const operationsMax = 1000;

/** How much of each there is, in percent. */
const mix = { get: 28, pinnedGet: 12, list: 10, put: 18, replace: 16, create: 8, delete: 8 } as const;
type Kind = keyof typeof mix;
const kinds = Object.entries(mix).flatMap(([kind, weight]) => Array<Kind>(weight).fill(kind as Kind));

export const mixedWriteShare = (mix.put + mix.replace + mix.create + mix.delete) / kinds.length;

export class MixedWorkload implements Workload {
  readonly #replicas: readonly string[];
  readonly #onRetired: OnRetired;
  /** By team. */
  readonly #groups: KeyGroup[];
  #begun = 0;

  constructor({ askers, replicas, onRetired }: WorkloadWorld) {
    this.#replicas = replicas;
    this.#onRetired = onRetired;
    this.#groups = Array.from({ length: Math.ceil(askers / teamSize) }, () => this.#freshGroup());
  }

  next(asker: Asker, value: Value): Turn {
    const { random } = asker;
    const group = this.#groupOf(Math.floor(asker.position / teamSize));
    const kind = random.pick(kinds);
    const request = requestOf(kind, group, asker, value);
    return { group, request, parameters: kind === 'pinnedGet' ? [`replica=${random.pick(this.#replicas)}`] : [] };
  }

  ended({ group }: Turn, _operation: Operation): void {
    if (!this.#groups.includes(group)) this.#retireIfQuiet(group);
  }

  finish(): void {
    for (const group of this.#groups) this.#onRetired(group, false);
  }

  #groupOf(team: number): KeyGroup {
    const group = this.#groups[team];
    if (group === undefined) throw new Error(`there are ${this.#groups.length} teams, no team ${team}`);
    if (!group.isFull) return group;
    const fresh = this.#freshGroup();
    this.#groups[team] = fresh;
    this.#retireIfQuiet(group);
    return fresh;
  }

  /** Whoever ends its last operation finds it quiet. */
  #retireIfQuiet(group: KeyGroup): void {
    if (group.isQuiet) this.#onRetired(group, false);
  }

  #freshGroup(): KeyGroup {
    this.#begun += 1;
    const name = `group-${this.#begun}`;
    const prefix = `${name}/`;
    return new KeyGroup({ name, prefix, keys: keyNames.map((key) => `${prefix}${key}`), operationsMax });
  }
}

function requestOf(kind: Kind, group: KeyGroup, { random, written }: Asker, value: Value): Request {
  const key = random.pick(group.keys);
  const seen = group.lastSeen(key);
  const unseen = { type: 'absent' } as const;
  const asSeen = seen === 0 ? unseen : ({ type: 'matches', revision: seen } as const);
  switch (kind) {
    case 'get':
      return { type: 'get', key: written !== null && group.keys.includes(written) ? written : key };
    case 'pinnedGet':
      return { type: 'get', key };
    case 'list':
      return { type: 'list', prefix: group.prefix, limit: random.pick([1, 2, 10]) };
    case 'put':
      return { type: 'put', key, value, condition: { type: 'none' } };
    case 'create':
      return { type: 'put', key, value, condition: unseen };
    case 'replace':
      return { type: 'put', key, value, condition: asSeen };
    case 'delete':
      return { type: 'delete', key, condition: seen > 0 && random.chance(0.5) ? asSeen : { type: 'none' } };
  }
}
