/** What is wrong with a command of the catalog that it alone shows: such a one is never proposed, and no bytes stand for it. */
import { collectionLimits } from './collection.ts';
import type { Command } from './command.ts';
import { isRowOf } from './keys.ts';
import { collectionNameProblem, fieldProblem, idempotencyProblem, idProblem, targetName } from './names.ts';
import { termsProblem } from './terms-problem.ts';
import { compareTexts } from './text-order.ts';
import { transactionLimits } from './transaction.ts';
import { type TransactionProblem, targetProblem, transactionProblem } from './transaction-problem.ts';

type CommandOf<Type extends Command['type']> = Extract<Command, { type: Type }>;

export type CatalogCommand = CommandOf<'transaction' | 'tick' | 'define' | 'build' | 'sweep'>;

type Found = TransactionProblem | null;

export function catalogProblem(command: CatalogCommand): TransactionProblem | null {
  if (command.type === 'transaction') {
    const { idempotency, transaction } = command;
    return at('idempotency', idempotency && idempotencyProblem(idempotency)) ?? transactionProblem(transaction);
  }
  if (command.type === 'define') return definitionProblem(command);
  if (command.type === 'tick') return tickProblem(command);
  return command.type === 'build' ? buildProblem(command) : sweepProblem(command);
}

export function definitionProblem({ name, definition, replaces }: Omit<CommandOf<'define'>, 'stamp'>): Found {
  if (replaces !== null && !isNatural(replaces))
    return at('replaces', 'expected a revision, 0 for none, or null for any');
  const problem = at('name', collectionNameProblem(name));
  if (problem !== null || definition === null) return problem;
  const { idField, indexes } = definition;
  const { indexesMax } = collectionLimits;
  if (indexes.length > indexesMax) {
    return at('definition.indexes', `a collection has at most ${indexesMax} indexes, got ${indexes.length}`);
  }
  const seen = new Set<string>();
  for (const [place, { field, kind }] of indexes.entries()) {
    const wrong = at(`definition.indexes[${place}].field`, fieldProblem(field));
    if (wrong !== null) return wrong;
    const index = `${kind}:${field}`;
    if (seen.has(index))
      return at(`definition.indexes[${place}]`, 'there is an index of this field and kind before it');
    seen.add(index);
  }
  return at('definition.idField', fieldProblem(idField));
}

function sweepProblem({ collection, index, rows }: CommandOf<'sweep'>): Found {
  if (!isRevision(collection)) return at('collection', "expected a collection's number");
  if (!isNatural(index)) return at('index', "expected an index's number, or 0");
  const { sweptRowsMax } = collectionLimits;
  if (rows.length > sweptRowsMax) return at('rows', `expected at most ${sweptRowsMax}, got ${rows.length}`);
  const place = rows.findIndex((row) => !isRowOf(row, collection, index));
  return place < 0 ? null : at(`rows[${place}]`, 'expected the key of a row that is to be swept');
}

function tickProblem({ stampMs, expired, forgotten }: CommandOf<'tick'>): Found {
  if (!isNatural(stampMs)) return at('stampMs', 'expected whole milliseconds since 1970');
  const { expiredMax } = collectionLimits;
  if (expired.length > expiredMax) return at('expired', `expected at most ${expiredMax}, got ${expired.length}`);
  const { forgottenMax } = collectionLimits;
  if (forgotten.length > forgottenMax) {
    return at('forgotten', `expected at most ${forgottenMax}, got ${forgotten.length}`);
  }
  const seen = new Set<string>();
  for (const [place, { target, modRevision }] of expired.entries()) {
    const problem = targetProblem(target, `expired[${place}].target`);
    if (problem !== null) return problem;
    if (!isRevision(modRevision)) return at(`expired[${place}].modRevision`, 'expected a revision');
    if (seen.has(targetName(target))) return at(`expired[${place}].target`, 'this is listed before');
    seen.add(targetName(target));
  }
  return null;
}

function buildProblem({ collection, index, from, to, documents }: CommandOf<'build'>): Found {
  if (!isRevision(collection)) return at('collection', "expected a collection's number");
  if (!isRevision(index)) return at('index', "expected an index's number");
  const cursorProblem = at('from', from && idProblem(from)) ?? at('to', to && idProblem(to));
  if (cursorProblem !== null || from === '' || to === '') return cursorProblem ?? at('', 'a cursor is an id, or null');
  if (from !== null && to !== null && compareTexts(from, to) >= 0) return at('to', 'expected an id behind from');
  const { builtDocumentsMax } = collectionLimits;
  if (documents.length > builtDocumentsMax) {
    return at('documents', `expected at most ${builtDocumentsMax}, got ${documents.length}`);
  }
  let before = from;
  for (const [place, { id, modRevision, terms }] of documents.entries()) {
    const path = `documents[${place}]`;
    const problem = at(`${path}.id`, idProblem(id));
    if (problem !== null) return problem;
    if (before !== null && compareTexts(before, id) >= 0)
      return at(`${path}.id`, 'expected ascending order, behind from');
    if (to !== null && compareTexts(id, to) > 0) return at(`${path}.id`, 'expected none behind to');
    if (!isRevision(modRevision)) return at(`${path}.modRevision`, 'expected a revision');
    const wrong = builtTermsProblem(terms);
    if (wrong !== null) return at(`${path}.terms`, wrong);
    before = id;
  }
  return null;
}

function builtTermsProblem(terms: readonly string[] | readonly number[]): string | null {
  const { termsPerDocumentMax } = transactionLimits;
  if (terms.length > termsPerDocumentMax) return `expected at most ${termsPerDocumentMax} terms, got ${terms.length}`;
  return termsProblem(terms, typeof terms[0] === 'number');
}

function isNatural(number: number): boolean {
  return Number.isSafeInteger(number) && number >= 0;
}

function isRevision(number: number): boolean {
  return isNatural(number) && number >= 1;
}

function at(path: string, problem: string | null): Found {
  return problem === null ? null : { path, problem };
}
