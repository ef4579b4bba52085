/**
 * Conditional requests (RFC 9110 section 13) on entity tags. The tag of a value is its modRevision, always strong; that
 * of a list is opaque and weak.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { limits, noPrecondition, type Precondition, type RevisionMatch } from '../store/client.ts';
import { HttpProblem, quote } from './errors.ts';

export function entityTag(revision: number): string {
  return `"${revision}"`;
}

export function weakTag(tag: string): string {
  return `W/"${tag}"`;
}

/** Throws HttpProblem naming the header that is malformed. */
export function parsePrecondition(headers: IncomingHttpHeaders): Precondition {
  const ifMatch = headers['if-match'];
  const ifNoneMatch = headers['if-none-match'];
  if (ifMatch === undefined && ifNoneMatch === undefined) return noPrecondition;
  return {
    ifMatch: ifMatch === undefined ? null : revisionsOf(parseMatch('If-Match', ifMatch), 'strong'),
    ifNoneMatch: ifNoneMatch === undefined ? null : revisionsOf(parseMatch('If-None-Match', ifNoneMatch), 'weak'),
  };
}

/** For an existing value. If-Match goes first (section 13.2.2). */
export function evaluateRead(precondition: Precondition, revision: number): 'send' | 'notModified' | 'failed' {
  if (precondition.ifMatch !== null && !matches(precondition.ifMatch, revision)) return 'failed';
  if (precondition.ifNoneMatch !== null && matches(precondition.ifNoneMatch, revision)) return 'notModified';
  return 'send';
}

/** Whether a write may be done. `revision`: 0 for what does not exist, which no tag matches. */
export function holdsAt({ ifMatch, ifNoneMatch }: Precondition, revision: number): boolean {
  const isMatch = (match: RevisionMatch) => revision > 0 && matches(match, revision);
  return (ifMatch === null || isMatch(ifMatch)) && (ifNoneMatch === null || !isMatch(ifNoneMatch));
}

/** What a reader asks of an opaque tag. */
export interface TagCondition {
  readonly ifMatch: TagMatch | null;
  readonly ifNoneMatch: TagMatch | null;
}

const noTagCondition: TagCondition = { ifMatch: null, ifNoneMatch: null };

/** As parsePrecondition. */
export function parseTagCondition(headers: IncomingHttpHeaders): TagCondition {
  const ifMatch = headers['if-match'];
  const ifNoneMatch = headers['if-none-match'];
  if (ifMatch === undefined && ifNoneMatch === undefined) return noTagCondition;
  return {
    ifMatch: ifMatch === undefined ? null : parseMatch('If-Match', ifMatch),
    ifNoneMatch: ifNoneMatch === undefined ? null : parseMatch('If-None-Match', ifNoneMatch),
  };
}

/** For what exists and has a weak tag, which no strong comparison matches. */
export function evaluateWeakly({ ifMatch, ifNoneMatch }: TagCondition, tag: string): 'send' | 'notModified' | 'failed' {
  if (ifMatch !== null && ifMatch !== '*') return 'failed';
  if (ifNoneMatch === null) return 'send';
  return ifNoneMatch === '*' || ifNoneMatch.some((listed) => listed.tag === tag) ? 'notModified' : 'send';
}

function matches(match: RevisionMatch, revision: number): boolean {
  return match === '*' || match.includes(revision);
}

/** One element of the list, with the empty ones before it; it must be followed by a comma or the end. */
const listedTag = /[ \t,]*(W\/)?"([!#-~\x80-\xff]*)"[ \t]*(?=,|$)/y;
const revisionTag = /^[1-9]\d*$/;

interface ListedTag {
  readonly tag: string;
  readonly isWeak: boolean;
}

type TagMatch = '*' | readonly ListedTag[];

function parseMatch(header: string, text: string): TagMatch {
  if (text.trim() === '*') return '*';
  const tags: ListedTag[] = [];
  let end = 0;
  listedTag.lastIndex = 0;
  for (let found = listedTag.exec(text); found !== null; found = listedTag.exec(text)) {
    const [, weakMark, tag = ''] = found;
    tags.push({ tag, isWeak: weakMark !== undefined });
    end = listedTag.lastIndex;
  }
  if (tags.length === 0 || !/^[ \t,]*$/.test(text.slice(end))) {
    throw new HttpProblem('bad_header', `${header}: expected * or entity tags such as "42", got ${quote(text)}`);
  }
  if (tags.length > limits.revisionsInPreconditionMax) {
    const expected = `at most ${limits.revisionsInPreconditionMax} entity tags`;
    throw new HttpProblem('bad_header', `${header}: expected ${expected}, got ${tags.length}`);
  }
  return tags;
}

/**
 * A strong comparison never matches a weak tag, a weak one ignores the mark (section 8.8.3.2). Tags that are not ours
 * match nothing.
 */
function revisionsOf(match: TagMatch, comparison: 'strong' | 'weak'): RevisionMatch {
  if (match === '*') return '*';
  return match.flatMap(({ tag, isWeak }) => {
    const isComparable = comparison === 'weak' || !isWeak;
    return isComparable && revisionTag.test(tag) && Number.isSafeInteger(Number(tag)) ? [Number(tag)] : [];
  });
}
