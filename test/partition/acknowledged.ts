/**
 * What was acknowledged is there: a check of its own, in one pass, that trusts nothing of how the other one works.
 * At the end of a run every replica is read; each key must hold its newest acknowledged write, or a newer one of those
 * whose outcome nobody knows.
 */
import type { Finding, Item, Operation } from '../history/operation.ts';

interface Key {
  /** Of the acknowledged writes; `value` null for a delete. Revision 0: there was none. */
  newest: { readonly revision: number; readonly value: string | null };
  readonly unknownValues: Set<string>;
  unknownDelete: boolean;
}

type StoredItem = Omit<Item, 'version'> | null;

/** `finalReads` are gets of every key from every replica, after all other operations have ended. */
export function checkAcknowledged(
  operations: readonly Operation[],
  finalReads: readonly Operation[],
): readonly Finding[] {
  const messages: string[] = [];
  const keys = writtenKeys(operations, messages);
  const first = new Map<string, StoredItem>();
  for (const { client, request, outcome } of finalReads) {
    if (request.type !== 'get') throw new Error(`a final read is a get, got ${request.type}`);
    if (outcome.type !== 'answered' || outcome.reply.type !== 'got') {
      messages.push(`${client} had no answer to the final read of ${request.key}`);
      continue;
    }
    const { item } = outcome.reply;
    const problem = problemOf(keys.get(request.key), item);
    if (problem !== null) messages.push(`${client}, final read of ${request.key}: ${problem}`);
    const others = first.get(request.key);
    if (others === undefined) first.set(request.key, item);
    else if (item?.modRevision !== others?.modRevision || item?.value !== others?.value) {
      messages.push(`${client}, final read of ${request.key}: ${said(item)}; another replica: ${said(others)}`);
    }
  }
  return messages.map((message) => ({ checker: 'acknowledged', message, giveUp: false }));
}

function writtenKeys(operations: readonly Operation[], messages: string[]): ReadonlyMap<string, Key> {
  const keys = new Map<string, Key>();
  const revisions = new Map<number, Operation>();
  for (const operation of operations) {
    const { request, outcome } = operation;
    if (request.type === 'get' || request.type === 'list' || outcome.type === 'notApplied') continue;
    const key = keys.get(request.key) ?? {
      newest: { revision: 0, value: null },
      unknownValues: new Set(),
      unknownDelete: false,
    };
    keys.set(request.key, key);
    if (outcome.type === 'unknown') {
      if (request.type === 'put') key.unknownValues.add(request.value);
      else key.unknownDelete = true;
      continue;
    }
    if (outcome.reply.type !== 'put' && outcome.reply.type !== 'deleted') continue;
    const { revision } = outcome.reply;
    const twin = revisions.get(revision);
    if (twin !== undefined)
      messages.push(`operations ${twin.number} and ${operation.number} both have revision ${revision}`);
    revisions.set(revision, operation);
    if (revision > key.newest.revision) key.newest = { revision, value: request.type === 'put' ? request.value : null };
  }
  return keys;
}

function problemOf(key: Key | undefined, item: StoredItem): string | null {
  const { revision, value } = key?.newest ?? { revision: 0, value: null };
  const expected = value === null ? 'nothing' : `${value} of revision ${revision}`;
  if (item === null) return value === null || key?.unknownDelete === true ? null : `${expected} is lost`;
  if (item.modRevision === revision && item.value === value) return null;
  if (item.modRevision > revision && key?.unknownValues.has(item.value) === true) return null;
  return `expected ${expected}, got ${said(item)}`;
}

function said(item: StoredItem): string {
  return item === null ? 'nothing' : `${item.value} of revision ${item.modRevision}`;
}
