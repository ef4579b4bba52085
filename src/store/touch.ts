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
import type { Command } from './command.ts';

/** 0 to 2^32 - 1. */
export type Touch = number;

/** 'everything': the command cannot list what it changes. */
export type Touches = readonly Touch[] | 'everything';

const nothing: Touches = [];

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
    default:
      return unreachable(command);
  }
}

/** Whether `touchesOf(command)` has all the touches of this key, at the price of a comparison. */
export function declaresKey(command: Command, key: string): boolean {
  switch (command.type) {
    case 'openSession':
      return false;
    case 'put':
    case 'delete':
      return command.key === key;
    default:
      return unreachable(command);
  }
}

/** The key, and each cacheable prefix of it, itself included if it ends in `/`. */
function touchesOfKey(key: string): Touches {
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

/** The low bits of a CRC alone meet far too often where keys are numbered in the middle: `user/17/name`. */
function mixed(crc: number): Touch {
  let hash = Math.imul(crc ^ (crc >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
