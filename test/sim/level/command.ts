/** Commands and items by name: lines tell of values without their bytes. */
import { createHash, hash } from 'node:crypto';
import { invariant } from '../../../src/raft/assert.ts';
import type { Command, KeyValue } from '../../../src/store/command.ts';
import type { ItemSeen, NamedCommand, ValueName } from './protocol.ts';

export function commandOf(named: NamedCommand): Command {
  return named.type === 'put' ? { ...named, value: bytesOf(named.value) } : named;
}

/** Noise takes its room on the disk; LevelDB stores text compressed, and notices more of what happens to it. */
function bytesOf({ seed, bytes, type }: ValueName): Uint8Array {
  if (type === 'text') return Buffer.alloc(bytes, `${seed};`);
  return createHash('shake256', { outputLength: bytes }).update(seed).digest();
}

/** 16 hex digits. */
export function fingerprint(bytes: Uint8Array): string {
  return hash('sha256', bytes).slice(0, 16);
}

export function itemSeen({ value, ...item }: KeyValue): ItemSeen {
  invariant(value !== undefined, 'values were asked for');
  return { ...item, valueFingerprint: fingerprint(value) };
}
