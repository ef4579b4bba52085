/** How far a watch has come, and the ids that say so to clients. */
import type { Index } from '../../store/client.ts';

export interface Position {
  /** Everything up to and including this revision is known. */
  readonly after: Index;
  /** So are, of the revision after it, the changes at places below this. */
  readonly skip: number;
}

interface Placed {
  readonly revision: Index;
  readonly place: number;
}

export function atRevision(after: Index): Position {
  return { after, skip: 0 };
}

/** `isLast`: nothing more of its revision is of interest. */
export function behind({ revision, place }: Placed, isLast: boolean): Position {
  return isLast ? atRevision(revision) : { after: (revision - 1) as Index, skip: place + 1 };
}

export function isBefore(one: Position, other: Position): boolean {
  return one.after < other.after || (one.after === other.after && one.skip < other.skip);
}

/** Whether it comes after what is known there. */
export function isNewAt(position: Position, { revision, place }: Placed): boolean {
  const next = position.after + 1;
  return revision > next || (revision === next && place >= position.skip);
}

/** The first revision of which something may be unknown, as far as it is known to exist. */
export function revisionOf({ after, skip }: Position): number {
  return skip === 0 ? after : after + 1;
}

/** `42`: all of revision 42 is known; `42:3`: of revision 42 what is at places 0 to 3. */
export function idOf({ after, skip }: Position): string {
  return skip === 0 ? `${after}` : `${after + 1}:${skip - 1}`;
}

/** Null if it is no id. */
export function parseId(text: string): Position | null {
  const [, revisionText, placeText] = /^(\d{1,16})(?::(\d{1,9}))?$/.exec(text) ?? [];
  const revision = Number(revisionText);
  if (!Number.isSafeInteger(revision)) return null;
  if (placeText === undefined) return atRevision(revision as Index);
  return revision === 0 ? null : { after: (revision - 1) as Index, skip: Number(placeText) + 1 };
}
