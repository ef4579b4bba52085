/**
 * Conditional requests (RFC 9110 section 13) on entity tags. The tag of a value is its modRevision, always strong.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { limits, noPrecondition, type Precondition, type RevisionMatch } from '../store/client.ts';
import { HttpProblem, quote } from './errors.ts';

export function entityTag(revision: number): string {
  return `"${revision}"`;
}

/** Throws HttpProblem naming the header that is malformed. */
export function parsePrecondition(headers: IncomingHttpHeaders): Precondition {
  const ifMatch = headers['if-match'];
  const ifNoneMatch = headers['if-none-match'];
  if (ifMatch === undefined && ifNoneMatch === undefined) return noPrecondition;
  return {
    ifMatch: ifMatch === undefined ? null : parseMatch('If-Match', ifMatch, 'strong'),
    ifNoneMatch: ifNoneMatch === undefined ? null : parseMatch('If-None-Match', ifNoneMatch, 'weak'),
  };
}

/** For an existing value. If-Match goes first (section 13.2.2). */
export function evaluateRead(precondition: Precondition, revision: number): 'send' | 'notModified' | 'failed' {
  if (precondition.ifMatch !== null && !matches(precondition.ifMatch, revision)) return 'failed';
  if (precondition.ifNoneMatch !== null && matches(precondition.ifNoneMatch, revision)) return 'notModified';
  return 'send';
}

function matches(match: RevisionMatch, revision: number): boolean {
  return match === '*' || match.includes(revision);
}

/** One element of the list, with the empty ones before it; it must be followed by a comma or the end. */
const listedTag = /[ \t,]*(W\/)?"([!#-~\x80-\xff]*)"[ \t]*(?=,|$)/y;
const revisionTag = /^[1-9]\d*$/;

/**
 * A strong comparison never matches a weak tag, a weak one ignores the mark (section 8.8.3.2). Tags that are not ours
 * match nothing.
 */
function parseMatch(header: string, text: string, comparison: 'strong' | 'weak'): RevisionMatch {
  if (text.trim() === '*') return '*';
  const revisions: number[] = [];
  let tags = 0;
  let end = 0;
  listedTag.lastIndex = 0;
  for (let found = listedTag.exec(text); found !== null; found = listedTag.exec(text)) {
    const [, weakMark, tag = ''] = found;
    tags += 1;
    end = listedTag.lastIndex;
    const comparable = comparison === 'weak' || weakMark === undefined;
    if (comparable && revisionTag.test(tag) && Number.isSafeInteger(Number(tag))) revisions.push(Number(tag));
  }
  if (tags === 0 || !/^[ \t,]*$/.test(text.slice(end))) {
    throw new HttpProblem('bad_header', `${header}: expected * or entity tags such as "42", got ${quote(text)}`);
  }
  if (tags > limits.revisionsInPreconditionMax) {
    const expected = `at most ${limits.revisionsInPreconditionMax} entity tags`;
    throw new HttpProblem('bad_header', `${header}: expected ${expected}, got ${tags}`);
  }
  return revisions;
}
