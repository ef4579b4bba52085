import type { Entry, EntryKind } from '../../../src/gateway/cache/entry.ts';
import { chargedBytes, keyName, listName } from '../../../src/gateway/cache/entry.ts';

export type TestEntry = Entry<string>;

/** A value of no bytes that touches nothing, but for what is said. */
export function entryOf(key: string, given: Partial<TestEntry> = {}): TestEntry {
  return {
    name: keyName(key),
    kind: 'value',
    index: 1,
    touches: [],
    storedAtMs: 0,
    expiresAtMs: null,
    bytes: 0,
    answer: key,
    ...given,
  };
}

export function listOf(prefix: string, given: Partial<TestEntry> = {}): TestEntry {
  const name = listName({ type: 'list', prefix, after: null, limit: 100, keysOnly: false });
  return entryOf(prefix, { kind: 'list' satisfies EntryKind, name, ...given });
}

/** An entry that is charged exactly so many bytes. */
export function sized(entry: TestEntry, charged: number): TestEntry {
  return { ...entry, bytes: charged - chargedBytes({ ...entry, bytes: 0 }) };
}

export const current = (): boolean => true;
