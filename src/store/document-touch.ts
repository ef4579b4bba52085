/**
 * Which searches may answer otherwise once a document was written, from the operation alone: what touch.ts tells of it
 * beside the document's own touch.
 */
import { unreachable } from '../raft/assert.ts';
import {
  touchOfBlindChange,
  touchOfDocumentField,
  touchOfField,
  touchOfMembers,
  touchOfTerm,
} from './collection-touch.ts';
import type { Touch } from './touch-hash.ts';
import type { FieldTerms, KnownDocument, Operation, Target } from './transaction.ts';

export type DocumentOperation = Extract<Operation, { type: 'putDocument' | 'patch' | 'add' | 'delete' }>;
export type DocumentTarget = Extract<Target, { type: 'document' }>;

/** 'collection': every search of it. */
export function documentTouchesOf(operation: DocumentOperation): readonly Touch[] | 'collection' {
  const target = documentOf(operation);
  switch (operation.type) {
    case 'putDocument':
      return touchesOfPut(target, operation.basis.terms, operation.basis.known);
    case 'delete':
      return operation.known === null ? 'collection' : touchesOfDelete(target, operation.known);
    case 'patch': {
      const fields = fieldsOf(operation.json);
      return fields === null ? 'collection' : touchesOfBlindChange(target, fields);
    }
    case 'add':
      return touchesOfBlindChange(target, [operation.field]);
    default:
      return unreachable(operation);
  }
}

/** The caller has made sure that it is no operation on a key. */
export function documentOf(operation: DocumentOperation): DocumentTarget {
  if (operation.type === 'putDocument') {
    return { type: 'document', collection: operation.collection, id: operation.id };
  }
  return operation.target as DocumentTarget;
}

/** The fields at the top level that a patch gives another value or takes away; null if it is no object. */
export function fieldsOf(json: Uint8Array): readonly string[] | null {
  try {
    const patch: unknown = JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.byteLength).toString());
    return typeof patch === 'object' && patch !== null && !Array.isArray(patch) ? Object.keys(patch) : null;
  } catch {
    return null;
  }
}

function touchesOfPut(
  { collection, id }: DocumentTarget,
  terms: readonly FieldTerms[],
  known: KnownDocument | null,
): readonly Touch[] | 'collection' {
  if (known === null) return 'collection';
  if (known.revision === 0) return [touchOfMembers(collection), ...touchesOfTerms(collection, terms)];
  // What is stated as known is all that can have been there, and more than that perhaps: a term on both sides may be new.
  const changed = new Set(known.changed);
  const ofChange = [...known.terms, ...terms].filter(({ field }) => changed.has(field));
  return [
    ...known.changed.flatMap((field) => [touchOfField(collection, field), touchOfDocumentField(collection, id, field)]),
    ...touchesOfTerms(collection, ofChange),
  ];
}

function touchesOfDelete({ collection }: DocumentTarget, known: KnownDocument): readonly Touch[] {
  // It is refused where there is something, and changes nothing where there is not.
  if (known.revision === 0) return [];
  return [touchOfMembers(collection), ...touchesOfTerms(collection, known.terms)];
}

function touchesOfBlindChange({ collection, id }: DocumentTarget, fields: readonly string[]): readonly Touch[] {
  return fields.flatMap((field) => [
    touchOfBlindChange(collection, field),
    touchOfField(collection, field),
    touchOfDocumentField(collection, id, field),
  ]);
}

function touchesOfTerms(collection: string, all: readonly FieldTerms[]): readonly Touch[] {
  return all.flatMap(({ field, kind, terms }) => terms.map((term) => touchOfTerm(collection, field, kind, term)));
}
