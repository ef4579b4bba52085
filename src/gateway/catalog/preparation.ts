/**
 * From a draft to a transaction that can be proposed: looks up the definitions of its collections, and what stands there of the
 * documents it writes (DESIGN.md, "Writes of documents").
 */
import {
  type Branch,
  type Collection,
  type Document,
  type Operation,
  type Place,
  type Target,
  type Transaction,
  targetName,
  transactionProblem,
} from '../../store/client.ts';
import type { Clock } from '../../system-clock.ts';
import { type Failed, failed, type InvalidDocument } from './committed.ts';
import { type Definitions, isUnavailable } from './definitions.ts';
import type { Documents } from './documents.ts';
import { bodyPath, type Draft, type DraftOperation, type Placed, placed, placePath, writtenDocument } from './draft.ts';
import { Gate, inLanes } from './lanes.ts';
import type { Malformed } from './malformed.ts';
import { documentProblem, resolved, wantsKnowledge } from './resolve.ts';

export interface PreparationOptions {
  readonly definitions: Definitions;
  readonly documents: Documents;
  readonly clock: Clock;
}

export interface Wanted {
  readonly deadlineAt: number;
  /** What stands there is looked up, and stated. */
  readonly isKnowing: boolean;
  /** Nobody has said yet that something else stands there than was thought. */
  readonly isFirst: boolean;
  /** The request may have been done before. */
  readonly isRepeatable: boolean;
}

export type Prepared =
  | {
      readonly type: 'ready';
      readonly transaction: Transaction;
      /** Those that it states. */
      readonly definitions: readonly Collection[];
    }
  | Failed
  | InvalidDocument
  | Malformed
  /** A definition could not be had in time: nothing was proposed. */
  | { readonly type: 'noLeader' };

type Found = ReadonlyMap<string, Collection | null>;

/** Of one draft. */
const lanes = 8;
/** Of all drafts together. */
const documentsReadMax = 64;

export class Preparation {
  readonly #options: PreparationOptions;
  readonly #reading = new Gate(documentsReadMax);

  constructor(options: PreparationOptions) {
    this.#options = options;
  }

  async prepare(draft: Draft, wanted: Wanted): Promise<Prepared> {
    const definitions = await this.#definitionsOf(draft, wanted.deadlineAt);
    if (definitions === null) return { type: 'noLeader' };
    const operations = [...placed(draft)];
    for (const each of operations) {
      const problem = await this.#problemOf(each, definitions, wanted.deadlineAt);
      if (problem !== null) return problem;
    }
    const homeless = wanted.isRepeatable ? null : certainlyHomeless(draft, operations, definitions);
    if (homeless !== null) return homeless;
    const known = wanted.isKnowing ? await this.#resolve(draft, operations, definitions, wanted) : null;
    const stated = [...definitions.values()].filter((definition) => definition !== null);
    // What is known may be too much to be stated: then nothing is.
    if (known !== null && transactionProblem(known) === null) {
      return { type: 'ready', transaction: known, definitions: stated };
    }
    const transaction = transactionOf(draft, (operation) =>
      resolved(operation, { definition: definitionFor(operation, definitions), found: undefined }),
    );
    const problem = transactionProblem(transaction);
    if (problem === null) return { type: 'ready', transaction, definitions: stated };
    // Its text was sound: what has come to it are terms.
    return { type: 'malformed', path: bodyPath(problem.path, draft), problem: problem.problem, isTooLarge: true };
  }

  #leftMs(deadlineAt: number): number {
    return Math.max(1, deadlineAt - this.#options.clock.now());
  }

  /** Of every collection that terms, or what was there, are looked up for. Null if one could not be had in time. */
  async #definitionsOf(draft: Draft, deadlineAt: number): Promise<Map<string, Collection | null> | null> {
    const names = new Set([...placed(draft)].flatMap(({ operation }) => collectionOf(operation) ?? []));
    const definitions = new Map<string, Collection | null>();
    await inLanes(lanes, names, async (name) => {
      const definition = await this.#options.definitions.get(name, this.#leftMs(deadlineAt));
      if (!isUnavailable(definition)) definitions.set(name, definition);
    });
    return definitions.size === names.size ? definitions : null;
  }

  /** Nothing is refused because of a definition that was only remembered: it is looked up anew, and put into `definitions`. */
  async #problemOf(
    { place, operation }: Placed,
    definitions: Map<string, Collection | null>,
    deadlineAt: number,
  ): Promise<InvalidDocument | { readonly type: 'noLeader' } | null> {
    const hint = definitionFor(operation, definitions);
    if (hint === null || documentProblem(operation, hint) === null) return null;
    const { name, modRevision } = hint;
    this.#options.definitions.forget(name, modRevision);
    const definition = await this.#options.definitions.get(name, this.#leftMs(deadlineAt));
    if (isUnavailable(definition)) return { type: 'noLeader' };
    definitions.set(name, definition);
    const found = definition && documentProblem(operation, definition);
    if (found === null) return null;
    const { path: within, problem } = found;
    const member = operation.type === 'patch' ? 'patch' : 'document';
    return { type: 'invalidDocument', place, path: `${placePath(place)}/${member}${within}`, within, problem };
  }

  async #resolve(
    draft: Draft,
    operations: readonly Placed[],
    definitions: Found,
    wanted: Wanted,
  ): Promise<Transaction> {
    const done = new Map<DraftOperation, Operation>();
    const byDocument = Map.groupBy(operations, ({ operation }) => {
      const target = writtenDocument(operation);
      return target === null ? null : targetName(target);
    });
    byDocument.delete(null);
    await inLanes(lanes, byDocument.values(), async (ofOne) => {
      // Of what is read only what is stated stays.
      await this.#withDocument(ofOne, draft, definitions, wanted, (found) => {
        for (const { operation } of ofOne) {
          done.set(operation, resolved(operation, { definition: definitionFor(operation, definitions), found }));
        }
      });
    });
    return transactionOf(draft, (operation) => {
      const definition = definitionFor(operation, definitions);
      return done.get(operation) ?? resolved(operation, { definition, found: undefined });
    });
  }

  /** Calls `use` with the document that all of these write; undefined where it is of no interest, or nobody can say. */
  async #withDocument(
    ofOne: readonly Placed[],
    draft: Draft,
    definitions: Found,
    { deadlineAt, isFirst }: Wanted,
    use: (found: Document | null | undefined) => void,
  ): Promise<void> {
    const [first] = ofOne;
    const target = first && writtenDocument(first.operation);
    const definition = first && definitionFor(first.operation, definitions);
    if (!target || !definition || !ofOne.some(({ operation }) => wantsKnowledge(operation, definition))) {
      return use(undefined);
    }
    if (isFirst && ofOne.every((each) => isThoughtAbsent(each, target, draft))) return use(null);
    return this.#reading.during(async () => {
      // Half of what is left: without an answer the write can still be made.
      const timeoutMs = Math.max(1, this.#leftMs(deadlineAt) / 2);
      const answer = await this.#options.documents.find(target, { withJson: true, timeoutMs });
      use(answer.type === 'found' ? answer.document : undefined);
    });
  }
}

/** It is said to be new, or is written only if it is not there. */
function isThoughtAbsent({ place, operation }: Placed, target: Target, draft: Draft): boolean {
  if (operation.type !== 'putDocument') return false;
  if (operation.isNew === true) return true;
  if (place.branch !== 'then') return false;
  const name = targetName(target);
  return draft.compares.some(
    (compare) => compare.of === 'exists' && !compare.is && targetName(compare.target) === name,
  );
}

/** It is carried out whatever the compares show, and was never before: then nobody needs to be asked whether it fails. */
function certainlyHomeless(draft: Draft, operations: readonly Placed[], definitions: Found): Failed | null {
  if (draft.compares.length > 0) return null;
  const homeless = operations.find(
    ({ place, operation }) =>
      place.branch === 'then' && collectionOf(operation) !== null && definitionFor(operation, definitions) === null,
  );
  if (homeless === undefined) return null;
  return failed(draft, { reason: 'noCollection', ...homeless.place }, null, []);
}

function collectionOf(operation: DraftOperation): string | null {
  if (operation.type === 'add') return null;
  return writtenDocument(operation)?.collection ?? null;
}

function definitionFor(operation: DraftOperation, definitions: Found): Collection | null {
  const name = collectionOf(operation);
  return name === null ? null : (definitions.get(name) ?? null);
}

function transactionOf(draft: Draft, resolve: (operation: DraftOperation, place: Place) => Operation): Transaction {
  const of = (branch: Branch) => draft[branch].map((each, operation) => resolve(each, { branch, operation }));
  return { compares: draft.compares, then: of('then'), otherwise: of('otherwise') };
}
