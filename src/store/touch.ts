/**
 * What a command touches: a superset of what it may change, worked out from the command alone, so that the leader can
 * tell caches of it before anybody has evaluated it. A touch is the 32-bit hash of a name; two names with one hash cost
 * a cache a miss, never a stale answer.
 *
 * Scheme 1: CRC-32 over one letter for the kind of name and the name in UTF-8, then mixed as MurmurHash3 ends. Leaders
 * and gateways of every version must agree on it: never change what scheme 1 means.
 */
import { crc32 } from 'node:zlib';
import { unreachable } from '../raft/assert.ts';
import { touchOfCollection, touchOfDocument } from './collection-touch.ts';
import type { Command } from './command.ts';
import { documentTouchesOf } from './document-touch.ts';
import { mixed, type Touch } from './touch-hash.ts';
import type { Operation, Target, Transaction } from './transaction.ts';

export {
  touchOfBlindChange,
  touchOfCollection,
  touchOfDocument,
  touchOfDocumentField,
  touchOfField,
  touchOfMembers,
  touchOfTerm,
} from './collection-touch.ts';
export type { Touch } from './touch-hash.ts';

/** 'everything': the command cannot list what it changes. */
export type Touches = readonly Touch[] | 'everything';

const nothing: Touches = [];

/** Of one command: one that has more touches everything. */
export const touchesMax = 256;

/** Deeper prefixes of a key are not touched, so lists of them are never cached. */
const prefixDepthMax = 16;

const ofKeys = crc32('k');
const ofPrefixes = crc32('p');

/** Carried by the value of a key, and by its absence. */
export function touchOfKey(key: string): Touch {
  return mixed(crc32(key, ofKeys));
}

/** Carried by every list of a prefix, whatever part of it. The prefix must be cacheable. */
export function touchOfPrefix(prefix: string): Touch {
  return mixed(crc32(prefix, ofPrefixes));
}

/** Whether every write to a key that begins with `prefix` touches it: it ends in `/`, and has 16 of them at most. */
export function isCacheablePrefix(prefix: string): boolean {
  if (!prefix.endsWith('/') || !prefix.isWellFormed()) return false;
  let depth = 0;
  for (let slash = prefix.indexOf('/'); slash >= 0; slash = prefix.indexOf('/', slash + 1)) depth += 1;
  return depth <= prefixDepthMax;
}

export function touchesOf(command: Command): Touches {
  switch (command.type) {
    case 'openSession':
      return nothing;
    case 'put':
    case 'delete':
      return touchesOfKey(command.key);
    case 'transaction':
      return touchesOfTransaction(command.transaction);
    case 'tick':
      return touchesOfExpiries(command.expired.map(({ target }) => target));
    case 'define':
      // What is dropped takes documents with it that nobody can list, and copies of those carry their own touch alone.
      return command.definition === null ? 'everything' : [touchOfCollection(command.name)];
    case 'build':
      // Until the last chunk every search that needs the index is refused, and no refusal is kept: there is no copy of an answer
      // that a chunk could change. Other answers, and documents, are what they were.
      return nothing;
    case 'sweep':
      return nothing;
    default:
      return unreachable(command);
  }
}

/** Of both branches: which of them is taken only the state shows. */
function touchesOfTransaction(transaction: Transaction): Touches {
  const touched = new Touched();
  for (const branch of ['then', 'otherwise'] as const) {
    for (const operation of transaction[branch]) {
      // The keys that begin with a prefix are not to be had from the command, and each copy of one carries only its own name.
      if (operation.type === 'deleteRange') return 'everything';
      addOperation(touched, operation);
    }
  }
  return touched.touches();
}

function addOperation(touched: Touched, operation: Exclude<Operation, { type: 'deleteRange' }>): void {
  switch (operation.type) {
    case 'get':
    case 'range':
      return;
    case 'put':
      touched.addKey(operation.key);
      return;
    case 'putDocument':
      touched.addDocument(operation, documentTouchesOf(operation));
      return;
    case 'patch':
    case 'add':
    case 'delete':
      if (operation.target.type === 'key') {
        touched.addKey(operation.target.key);
        return;
      }
      touched.addDocument(operation.target, documentTouchesOf(operation));
      return;
    default:
      unreachable(operation);
  }
}

function touchesOfExpiries(targets: readonly Target[]): Touches {
  const touches = new Set(targets.flatMap(touchesOfExpiry));
  return touches.size <= touchesMax ? [...touches] : 'everything';
}

/** What one of the expiries in a tick touches. A document that expires has terms that its expiry does not state. */
export function touchesOfExpiry(target: Target): readonly Touch[] {
  if (target.type === 'key') return touchesOfKey(target.key);
  return [touchOfDocument(target.collection, target.id), touchOfCollection(target.collection)];
}

/** Gathers touches, each once. */
class Touched {
  readonly #ofCopies = new Set<Touch>();
  /** Carried by searches alone: the touch of the collection stands for all of them. */
  readonly #ofSearches = new Map<string, Set<Touch> | 'collection'>();

  addKey(key: string): void {
    for (const touch of touchesOfKey(key)) this.#ofCopies.add(touch);
  }

  addDocument(
    { collection, id }: { readonly collection: string; readonly id: string },
    ofSearches: readonly Touch[] | 'collection',
  ): void {
    this.#ofCopies.add(touchOfDocument(collection, id));
    const before = this.#ofSearches.get(collection) ?? new Set();
    const isWhole = before === 'collection' || ofSearches === 'collection';
    const touches = isWhole ? 'collection' : before.union(new Set(ofSearches));
    // What is beyond the bound is not gathered: there may be a hundred thousand.
    const isTooMany = touches !== 'collection' && touches.size > touchesMax;
    this.#ofSearches.set(collection, isTooMany ? 'collection' : touches);
  }

  touches(): Touches {
    const listed = [...this.#ofSearches].map(([collection, touches]) =>
      touches === 'collection' ? [touchOfCollection(collection)] : [...touches],
    );
    const all = [...this.#ofCopies, ...listed.flat()];
    if (all.length <= touchesMax) return all;
    const fewer = [...this.#ofCopies, ...[...this.#ofSearches.keys()].map(touchOfCollection)];
    return fewer.length <= touchesMax ? fewer : 'everything';
  }
}

/** The key, and each cacheable prefix of it, itself included if it ends in `/`. */
function touchesOfKey(key: string): readonly Touch[] {
  const touches = [touchOfKey(key)];
  let crc = ofPrefixes;
  let start = 0;
  while (touches.length <= prefixDepthMax) {
    const end = key.indexOf('/', start) + 1;
    if (end === 0) break;
    // The checksum of a longer prefix goes on from that of the shorter one.
    crc = crc32(key.slice(start, end), crc);
    touches.push(mixed(crc));
    start = end;
  }
  return touches;
}
