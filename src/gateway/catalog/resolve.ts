/**
 * From a draft to what is proposed: the terms of what is written, and of what was there (DESIGN.md, "Writes of documents").
 * Pure: what was read is handed in.
 */
import {
  type Collection,
  type Document,
  fieldOf,
  fieldProblem,
  isObject,
  type JsonObject,
  type JsonProblem,
  type KnownDocument,
  mergePatch,
  type Operation,
  pointer,
  stringifyJson,
  termCount,
  termsOf,
  termsProblem,
  transactionLimits,
} from '../../store/client.ts';
import type { DraftOperation } from './draft.ts';

/** What the gateway has found out for one operation. */
export interface Findings {
  /** Null: there is no such collection. */
  readonly definition: Collection | null;
  /** The document as it was read, null if there was none; undefined: nobody knows. */
  readonly found: Document | null | undefined;
}

/** No definition has it: an entry that opens a session comes before any that defines something. */
const noDefinition = 1 as Collection['modRevision'];

/** A patched document is sent whole up to this size: a small change should not cost the log much more than itself. */
const patchedBytesMax = 16 * 1024;

/** What is not right about a document, in view of the collection; null: nothing. */
export function documentProblem(operation: DraftOperation, definition: Collection): JsonProblem | null {
  if (operation.type === 'patch') return termsProblem(operation.patch, definition.indexes);
  if (operation.type !== 'putDocument') return null;
  const { idField } = definition;
  const id = fieldOf(operation.document, idField);
  if (id === operation.id) return termsProblem(operation.document, definition.indexes);
  const problem =
    id === undefined
      ? `the document has no id: expected a text under ${JSON.stringify(idField)}`
      : `this is not the id under which the document is written: expected ${JSON.stringify(operation.id)}`;
  return { path: pointer([idField]), problem };
}

/** Whether it makes a difference to caches what was there: then it is read before it is written. */
export function wantsKnowledge(operation: DraftOperation, definition: Collection): boolean {
  switch (operation.type) {
    case 'putDocument':
    case 'delete':
      return true;
    case 'patch':
      // Every cached search for some text in the field would end, as nobody tells which text it was before.
      return definition.indexes.some(({ field, kind }) => kind !== 'number' && Object.hasOwn(operation.patch, field));
    default:
      return false;
  }
}

/** With no definition, it is one that is refused in any state. */
export function resolved(operation: DraftOperation, { definition, found }: Findings): Operation {
  switch (operation.type) {
    case 'putDocument': {
      const { type, collection, id, document, ttlMs } = operation;
      const basis =
        definition === null
          ? { definition: noDefinition, terms: [], known: null }
          : {
              definition: definition.modRevision,
              terms: termsOf(document, definition.indexes),
              known: knownOf(found, definition, document),
            };
      return { type, collection, id, json: stringifyJson(document), ttlMs, basis };
    }
    case 'patch':
      return resolvedPatch(operation, { definition, found });
    case 'delete': {
      const { type, target } = operation;
      const known = definition === null || target.type === 'key' ? null : knownOf(found, definition, null);
      return { type, target, known };
    }
    default:
      return operation;
  }
}

function resolvedPatch(
  { type, target, patch }: Extract<DraftOperation, { readonly type: 'patch' }>,
  { definition, found }: Findings,
): Operation {
  if (target.type === 'key') return { type, target, json: stringifyJson(patch), basis: null };
  const whole = definition === null || !found ? null : patchedDocument(patch, definition, found);
  if (whole !== null) return whole;
  const basis =
    definition === null
      ? { definition: noDefinition, terms: [] }
      : { definition: definition.modRevision, terms: termsOf(patch, definition.indexes) };
  return { type, target, json: stringifyJson(patch), basis };
}

/** What the patch makes of a document that was read; null where only the patch itself does the same, or costs much less. */
function patchedDocument(
  patch: JsonObject,
  definition: Collection,
  found: Document,
): Extract<Operation, { readonly type: 'putDocument' }> | null {
  const { idField, indexes, name: collection, modRevision } = definition;
  const { id } = found;
  // A document that is put begins a lifetime anew.
  const before = found.expiresAtMs === null ? objectIn(found) : null;
  const document = before === null ? null : mergePatch(before, patch);
  if (!isObject(document)) return null;
  if (fieldOf(document, idField) !== id || termsProblem(document, indexes) !== null) return null;
  const json = stringifyJson(document);
  const known = knownOf(found, definition, document);
  if (json.length > patchedBytesMax || known === null) return null;
  const basis = { definition: modRevision, terms: termsOf(document, indexes), known };
  return { type: 'putDocument', collection, id, json, ttlMs: null, basis };
}

/** Null where it is not known what is there, or more than can be said. `next` is null if the document is deleted. */
function knownOf(
  found: Document | null | undefined,
  { indexes }: Collection,
  next: JsonObject | null,
): KnownDocument | null {
  if (found === undefined) return null;
  if (found === null) return { revision: 0, terms: [], changed: [] };
  const before = objectIn(found);
  if (before === null) return null;
  const terms = termsOf(before, indexes);
  const changed = next === null ? [] : changedFields(before, next);
  const { termsPerDocumentMax, changedFieldsMax } = transactionLimits;
  if (termCount(terms) > termsPerDocumentMax || changed.length > changedFieldsMax) return null;
  if (changed.some((field) => fieldProblem(field) !== null)) return null;
  return { revision: found.modRevision, terms, changed };
}

function changedFields(before: JsonObject, next: JsonObject): readonly string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(next)]);
  return [...names].filter((name) => {
    const [one, other] = [fieldOf(before, name), fieldOf(next, name)];
    if (one === undefined || other === undefined) return one !== other;
    return !stringifyJson(one).equals(stringifyJson(other));
  });
}

function objectIn({ json }: Document): JsonObject | null {
  if (json === undefined) return null;
  const value = JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString());
  return isObject(value) ? value : null;
}
