/**
 * What a cache is for: many reads and few writes, of the same keys from the beginning to the end, a few of them asked for
 * most of the time.
 *
 * Keys that live as long as the run would have histories of any length. So each group's history is cut into parts. When
 * a part is full the group is left alone until it is quiet; then one list of all its keys ends the part and begins the
 * next. Whoever draws one of its keys in the meantime draws again.
 */

import { Zipf } from '../../bench/zipf.ts';
import type { Operation, Request, Value } from '../history/operation.ts';
import type { SeededRandom } from '../sim/random.ts';
import { KeyGroup } from './keys.ts';
import type { Asker, OnRetired, Turn, Workload, WorkloadOptions, WorkloadWorld } from './workload.ts';

export const zipfExponent = 0.99;
const keysPerGroup = 10;
const operationsMax = 2000;
/** Of the reads. */
const listShare = 0.05;
/** Of the writes: absences are kept, too. */
const deleteShare = 0.1;
/** Groups that are left alone are few; who meets only such comes back later. */
const drawsMax = 20;

interface Place {
  readonly group: number;
  readonly key: string;
}

export class ZipfWorkload implements Workload {
  readonly #onRetired: OnRetired;
  readonly #writeShare: number;
  readonly #zipf: Zipf;
  /** By rank: the most wanted keys are in different groups. */
  readonly #places: readonly Place[];
  readonly #placeOf: ReadonlyMap<string, Place>;
  /** Their parts at present. */
  readonly #groups: KeyGroup[];
  /** By group. */
  readonly #parts: number[];
  /** Turns that end a part. */
  readonly #closing = new WeakSet<Turn>();

  constructor({ keys, writeShare }: Extract<WorkloadOptions, { type: 'zipf' }>, { onRetired }: WorkloadWorld) {
    this.#onRetired = onRetired;
    this.#writeShare = writeShare;
    this.#zipf = new Zipf(keys, zipfExponent);
    const groups = Math.ceil(keys / keysPerGroup);
    this.#places = Array.from({ length: keys }, (_, rank) => {
      const group = rank % groups;
      return { group, key: `${prefixOf(group)}${Math.floor(rank / groups) + 1}` };
    });
    this.#placeOf = new Map(this.#places.map((place) => [place.key, place]));
    this.#parts = Array.from({ length: groups }, () => 1);
    const byGroup = Map.groupBy(this.#places, ({ group }) => group);
    this.#groups = Array.from({ length: groups }, (_, group) => {
      const names = (byGroup.get(group) ?? []).map(({ key }) => key);
      return new KeyGroup({ name: nameOfPart(group, 1), prefix: prefixOf(group), keys: names, operationsMax });
    });
  }

  next({ random, written }: Asker, value: Value): Turn | null {
    const writes = random.chance(this.#writeShare);
    const back = writes || written === null ? undefined : this.#placeOf.get(written);
    for (let draws = 0; draws < drawsMax; draws += 1) {
      const place = draws === 0 && back !== undefined ? back : this.#draw(random);
      const group = this.#groupAt(place);
      if (!group.isFull) {
        const read = place === back ? ({ type: 'get', key: place.key } as const) : readOf(place, group, random);
        return { group, request: writes ? writeOf(place, value, random) : read, parameters: [] };
      }
      if (group.isQuiet) {
        const turn = { group, request: listOf(group), parameters: [] };
        this.#closing.add(turn);
        return turn;
      }
    }
    return null;
  }

  ended(turn: Turn, operation: Operation): void {
    // A list that failed leaves the group quiet: somebody else ends the part.
    if (!this.#closing.has(turn) || operation.outcome.type !== 'answered') return;
    const { group } = turn;
    const number = this.#groups.indexOf(group);
    const part = (this.#parts[number] ?? 0) + 1;
    this.#parts[number] = part;
    this.#groups[number] = group.successor(nameOfPart(number, part), operation);
    this.#onRetired(group, true);
  }

  finish(): void {
    for (const group of this.#groups) this.#onRetired(group, false);
  }

  #draw(random: SeededRandom): Place {
    const place = this.#places[this.#zipf.draw(random.next()) - 1];
    if (place === undefined) throw new Error('a rank beyond the last was drawn');
    return place;
  }

  #groupAt(place: Place): KeyGroup {
    const group = this.#groups[place.group];
    if (group === undefined) throw new Error(`${place.key} is in no group`);
    return group;
  }
}

function prefixOf(group: number): string {
  return `zipf-${group + 1}/`;
}

function nameOfPart(group: number, part: number): string {
  return `zipf-${group + 1}.${part}`;
}

function readOf({ key }: Place, group: KeyGroup, random: SeededRandom): Request {
  return random.chance(listShare) ? listOf(group) : { type: 'get', key };
}

/** Room for one more than there can be: nothing follows. */
function listOf({ prefix, keys }: KeyGroup): Request {
  return { type: 'list', prefix, limit: keys.length + 1 };
}

function writeOf({ key }: Place, value: Value, random: SeededRandom): Request {
  const condition = { type: 'none' } as const;
  return random.chance(deleteShare) ? { type: 'delete', key, condition } : { type: 'put', key, value, condition };
}
