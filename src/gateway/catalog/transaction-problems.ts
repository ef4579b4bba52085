/** What writes are refused with. */
import { type TransactionFailure, transactionLimits } from '../../store/client.ts';
import { HttpProblem, type ProblemCode, problemAt, writeProblem } from '../errors.ts';
import { sentenceAt } from '../json-body.ts';
import type { Committed } from './committed.ts';
import { documentNotFound } from './problems.ts';

export type Uncommitted = Exclude<Committed, { readonly type: 'done' }>;

type Reason = TransactionFailure['reason'];

const { resultBytesMax, writtenBytesMax, deleteRangeKeysMax, deleteRangeBytesMax } = transactionLimits;
const { documentBytesMax, parsedBytesMax, termsPerDocumentMax } = transactionLimits;

const conflict: readonly [ProblemCode, string] = [
  'conflict',
  'what this writes was changed by others at each of several attempts; nothing was written, try again',
];

/** What a patch of one thing alone is refused with: nothing else can be too large by what stands there. */
const grown: readonly [ProblemCode, string] = [
  'too_large',
  `with this patch it would be over ${documentBytesMax} bytes, or have over ${termsPerDocumentMax} index terms; nothing was written`,
];

const failures: Readonly<Record<Reason, readonly [code: ProblemCode, detail: string]>> = {
  noCollection: ['collection_not_found', 'there is no such collection: make it with PUT /v1/collections/NAME'],
  definitionChanged: conflict,
  revisionChanged: conflict,
  termsDiffer: conflict,
  notFound: ['not_found', 'there is nothing here to change: put it first'],
  notJson: [
    'not_json',
    'what stands here is no JSON object, or has integers that a double would round, or a member twice: put another value first',
  ],
  notANumber: ['not_a_number', 'there is no number in this field to add to: put or patch one first'],
  outOfBounds: [
    'out_of_bounds',
    'the sum is below min, above max, or no exact number any more; nothing was written, choose another amount',
  ],
  idChanged: [
    'id_changed',
    'the id of a document is not to be changed: put one with the other id, and delete this one',
  ],
  tooLarge: [
    'too_large',
    [
      `a document is at most ${documentBytesMax} bytes with ${termsPerDocumentMax} index terms`,
      `what a transaction that writes reads ${resultBytesMax} and writes ${writtenBytesMax} bytes`,
      `what it compares and patches ${parsedBytesMax} bytes`,
      `and a deleteRange takes at most ${deleteRangeKeysMax} keys and ${deleteRangeBytesMax} bytes: split it`,
    ].join(', '),
  ],
  idempotencyMismatch: [
    'idempotency_mismatch',
    'this Idempotency-Key came with another request before; choose a new key for a new request',
  ],
  idempotencyFull: [
    'idempotency_full',
    'the store remembers as many requests as it can, each for 24 hours; nothing was written: try later, or without the key',
  ],
};

/** `path` in it is a pointer into the body of `POST /v1/txn`. */
export function commitProblem(committed: Uncommitted, timeoutMs: number): HttpProblem {
  switch (committed.type) {
    case 'failed': {
      const { failure, within, replica } = committed;
      const [code, detail] = failures[failure.reason];
      // Only a patch can change an id: a document that is put is looked at before.
      const path = within === '' ? committed.path : `${committed.path}/patch${within}`;
      const servedBy = replica === null ? [] : ['Bazar-Served-By', replica];
      return new HttpProblem(code, sentenceAt(path, detail), 'not_applied', servedBy, path === '' ? {} : { path });
    }
    case 'invalidDocument':
      return problemAt(committed.path, 'invalid_document', sentenceAt(committed.path, committed.problem));
    case 'malformed': {
      const { path, problem, isTooLarge } = committed;
      return problemAt(path, isTooLarge ? 'too_large' : 'bad_transaction', sentenceAt(path, problem));
    }
    default:
      return writeProblem(committed, timeoutMs);
  }
}

/** Of a request that writes one document: `path` in it is a pointer into that document, or the patch. */
export function itemProblem(committed: Uncommitted, timeoutMs: number): HttpProblem {
  if (committed.type === 'invalidDocument') {
    const { within, problem } = committed;
    return problemAt(within, 'invalid_document', sentenceAt(within, problem));
  }
  return withoutPath(committed, timeoutMs, documentNotFound);
}

/** Of a request that deletes the keys of a prefix. */
export function rangeProblem(committed: Uncommitted, timeoutMs: number, notFound: () => HttpProblem): HttpProblem {
  if (committed.type !== 'failed' || committed.failure.reason !== 'tooLarge') {
    return withoutPath(committed, timeoutMs, notFound);
  }
  const much = `over ${deleteRangeKeysMax} keys begin with this prefix, or they hold over ${deleteRangeBytesMax} bytes`;
  return new HttpProblem(
    'too_large',
    `${much}; nothing was deleted, delete the keys of longer prefixes one after the other`,
  );
}

/** Of a request that writes one thing alone, whose place needs no telling. */
export function withoutPath(committed: Uncommitted, timeoutMs: number, notFound: () => HttpProblem): HttpProblem {
  if (committed.type === 'malformed') {
    return new HttpProblem(committed.isTooLarge ? 'too_large' : 'bad_body', committed.problem);
  }
  if (committed.type !== 'failed') return commitProblem(committed, timeoutMs);
  const { failure, within, replica } = committed;
  const servedBy = replica === null ? [] : ['Bazar-Served-By', replica];
  const [code, detail] = failure.reason === 'tooLarge' ? grown : failures[failure.reason];
  const problem = failure.reason === 'notFound' ? notFound() : new HttpProblem(code, sentenceAt(within, detail));
  return new HttpProblem(problem.code, problem.message, 'not_applied', servedBy, within === '' ? {} : { path: within });
}
