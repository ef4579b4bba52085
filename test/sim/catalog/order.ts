/** Real time against the order of the log: whoever asks after an answer is told nothing older. */
import type { CatalogOperation, CatalogOutcome, WatchLog } from './operation.ts';

export interface RealTimeOrder {
  readonly problems: readonly string[];
  /** Of all that was over before this was asked, the highest revision. */
  leastRevision(operation: CatalogOperation): number;
}

interface Over {
  readonly atMs: number;
  readonly revision: number;
  readonly words: string;
}

const nothing: Over = { atMs: 0, revision: 0, words: 'nothing' };

export function orderOf(operations: readonly CatalogOperation[], watches: readonly WatchLog[]): RealTimeOrder {
  const over = [...operations.flatMap(overOf), ...watches.flatMap(heardBy)].sort((a, b) => a.atMs - b.atMs);
  // Of all up to each of them, the highest.
  const highest: Over[] = [];
  for (const one of over) {
    const before = highest.at(-1) ?? nothing;
    highest.push(one.revision > before.revision ? one : before);
  }
  const before = ({ invokedAt }: CatalogOperation): Over => highest[countBefore(over, invokedAt) - 1] ?? nothing;
  const problems = operations.flatMap((operation) => {
    const place = placeOf(operation);
    const earlier = before(operation);
    if (place === null || place.revision > earlier.revision) return [];
    if (place.revision === earlier.revision && !place.isWrite) return [];
    return [
      `${wordsOf(operation)}: at revision ${place.revision}, after ${earlier.words} was over at ${earlier.revision}`,
    ];
  });
  return { problems, leastRevision: (operation) => before(operation).revision };
}

/** Null: it may stand anywhere. */
function placeOf({ outcome }: CatalogOperation): { readonly revision: number; readonly isWrite: boolean } | null {
  if (outcome.type === 'answer' || outcome.type === 'page') {
    return outcome.isLeased ? null : { revision: revisionOf(outcome), isWrite: false };
  }
  if (outcome.type !== 'result') return null;
  const { result } = outcome;
  const isNew = result.type === 'put' || (result.type === 'transaction' && !result.replayed);
  return isNew ? { revision: result.revision, isWrite: true } : null;
}

function revisionOf(outcome: Extract<CatalogOutcome, { type: 'answer' | 'page' }>): number {
  return outcome.type === 'page' ? outcome.revision : outcome.answer.revision;
}

function overOf(operation: CatalogOperation): readonly Over[] {
  const { outcome, returnedAt: atMs } = operation;
  if (outcome.type === 'page') return [{ atMs, revision: outcome.revision, words: wordsOf(operation) }];
  const told = outcome.type === 'answer' ? outcome.answer : outcome.type === 'result' ? outcome.result : null;
  // A definition that was refused names one that stands.
  if (told === null || !('revision' in told)) return [];
  return [{ atMs, revision: told.revision, words: wordsOf(operation) }];
}

function heardBy({ id, heard }: WatchLog): readonly Over[] {
  return heard.map(({ through, atMs }) => ({ atMs, revision: through, words: id }));
}

function wordsOf({ number, client, asked, invokedAt }: CatalogOperation): string {
  const what = asked.type === 'query' ? asked.query.type : asked.write.type;
  return `${what} ${number} of ${client}, asked at ${invokedAt.toFixed(1)} ms`;
}

/** How many were over before this time. */
function countBefore(over: readonly Over[], timeMs: number): number {
  let low = 0;
  let high = over.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((over[middle] as Over).atMs < timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
