/** Where the candidates of a search come from, and how many rows may be looked at for it. */
import { unreachable } from '../raft/assert.ts';
import type { Index } from '../raft/types.ts';
import type { KeyValueReader } from './disk.ts';
import { readDocument, type StoredDocument } from './document.ts';
import { indexRows, numberRows, pastTerm, readPostingKey, type Term, termRows } from './index-rows.ts';
import { documentRows, idOfDocument, type KeyBounds } from './keys.ts';
import { openRow } from './row.ts';
import { type Condition, isOf } from './search-plan.ts';
import { wholeRows } from './whole-rows.ts';

/** The rows that a condition is about, or all documents. */
export type Source = Condition | { readonly type: 'documents' };

export interface Candidate {
  readonly id: string;
  /** Of the row that names it; null if that is its own. */
  readonly term: Term | null;
  /** Null unless its own row was read. */
  readonly stored: StoredDocument | null;
}

export interface CandidateOptions {
  /** What stands behind it is wanted; `term` counts in a range alone. Null for what is searched for a part of a text. */
  readonly after: { readonly term: number | null; readonly id: string } | null;
  /** In a range alone. */
  readonly descending: boolean;
  /** How many rows are fetched at first. */
  readonly soon: number;
}

/** Thrown where more rows would have to be looked at than are allowed. */
export class LooksSpentError extends Error {
  override readonly name = 'LooksSpentError';
}

const rowsPerByte = 1 / 4096;

/** How many rows may still be looked at. */
export class Looks {
  #left: number;

  constructor(rows: number) {
    this.#left = rows;
  }

  spend(bytes: number): void {
    this.#left -= 1 + bytes * rowsPerByte;
    if (this.#left < 0) throw new LooksSpentError();
  }
}

/** After so many rows of a term that does not fit, the rest of them are jumped over. */
const patienceRows = 16;

/** Null: there can be none. */
export function rowsOfCondition(condition: Condition): KeyBounds | null {
  return boundsOf(condition, null, false);
}

function boundsOf(condition: Condition, after: CandidateOptions['after'], descending: boolean): KeyBounds | null {
  const { place } = condition;
  switch (condition.type) {
    case 'exact':
      return termRows(place, condition.term, after?.id ?? null);
    case 'range': {
      const position = after === null || after.term === null ? null : { term: after.term, id: after.id };
      return numberRows(place, condition.range, position, descending);
    }
    case 'contains':
      return indexRows(place);
    default:
      return unreachable(condition);
  }
}

/** In the order of the rows in question: one document several times where it has several terms that fit. */
export async function* candidatesOf(
  reader: KeyValueReader,
  collection: Index,
  source: Source,
  looks: Looks,
  { after, descending, soon }: CandidateOptions,
): AsyncGenerator<Candidate, void> {
  if (source.type === 'documents') {
    for await (const [key, row] of wholeRows(reader, documentRows(collection, after?.id ?? null), { soon })) {
      looks.spend(row.length);
      yield { id: idOfDocument(key), term: null, stored: readDocument(openRow(key, row).body) };
    }
    return;
  }
  if (source.type === 'contains') {
    yield* containing(reader, source, looks);
    return;
  }
  const bounds = boundsOf(source, after, descending);
  if (bounds === null) return;
  for await (const [key, row] of wholeRows(reader, bounds, { reverse: descending, soon })) {
    looks.spend(row.length);
    openRow(key, row);
    yield { ...readPostingKey(key), stored: null };
  }
}

async function* containing(
  reader: KeyValueReader,
  condition: Extract<Condition, { type: 'contains' }>,
  looks: Looks,
): AsyncGenerator<Candidate, void> {
  const { place } = condition;
  const { lt } = indexRows(place);
  for (let gte: Buffer | null = indexRows(place).gte; gte !== null; ) {
    const from: KeyBounds = { gte, lt };
    gte = null;
    let last: Term | null = null;
    let patience = patienceRows;
    for await (const [key, row] of wholeRows(reader, from)) {
      looks.spend(row.length);
      openRow(key, row);
      const { term, id } = readPostingKey(key);
      patience = term === last ? patience - 1 : patienceRows;
      last = term;
      if (isOf(condition, term)) yield { id, term, stored: null };
      else if (patience === 0) {
        gte = pastTerm(place, term);
        break;
      }
    }
  }
}
