/** The committed log as an independent reader decodes it. */
import type { Condition, Value } from './operation.ts';

/** Modification revisions, or any value that is there. */
export type LoggedMatch = '*' | readonly number[];

export interface LoggedCondition {
  readonly ifMatch: LoggedMatch | null;
  readonly ifNoneMatch: LoggedMatch | null;
}

/** Which write of which session it is, and from which sequence on that session still waits for answers. */
interface Stamp {
  readonly session: number;
  readonly sequence: number;
  readonly lowestUnanswered: number;
}

export type LoggedPut = Stamp & {
  readonly type: 'put';
  readonly key: string;
  readonly value: Value;
  readonly condition: LoggedCondition;
};

export type LoggedDelete = Stamp & {
  readonly type: 'delete';
  readonly key: string;
  readonly condition: LoggedCondition;
};

/** A write of the same sessions that changes nothing a history is about. */
export type LoggedElsewhere = Stamp & { readonly type: 'elsewhere' };

/** One committed entry. A session is named after the index of the entry that opened it. */
export type LoggedWrite = { readonly index: number; readonly term: number } & (
  | { readonly type: 'noop' }
  | { readonly type: 'openSession' }
  | LoggedPut
  | LoggedDelete
  | LoggedElsewhere
);

/** What a client's condition becomes in the log. */
export function loggedCondition(condition: Condition): LoggedCondition {
  return {
    ifMatch: condition.type === 'matches' ? [condition.revision] : null,
    ifNoneMatch: condition.type === 'absent' ? '*' : null,
  };
}

/** Equal names: equal conditions. */
export function conditionName({ ifMatch, ifNoneMatch }: LoggedCondition): string {
  return `${matchName(ifMatch)}/${matchName(ifNoneMatch)}`;
}

function matchName(match: LoggedMatch | null): string {
  if (match === null) return '';
  return match === '*' ? '*' : `[${match.join()}]`;
}
