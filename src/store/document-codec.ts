/** Documents as parts of messages in the form of wire.ts. Their JSON is in the tail. */
import type { Document } from './transaction.ts';
import { natural, orNull, type Tail, tuple } from './wire.ts';
import { documentId } from './wire-names.ts';

export function encodeDocument(document: Document, tail: Uint8Array[]): readonly unknown[] {
  const { id, createRevision, modRevision, version, expiresAtMs, json } = document;
  if (json !== undefined) tail.push(json);
  return [id, createRevision, modRevision, version, expiresAtMs, json?.length ?? null];
}

export function decodeDocument(value: unknown, tail: Tail): Document {
  const [id, createRevision, modRevision, version, expiresAtMs, jsonBytes] = tuple(value, 6);
  const document = {
    id: documentId(id),
    createRevision: natural(createRevision),
    modRevision: natural(modRevision),
    version: natural(version),
    expiresAtMs: orNull(expiresAtMs, natural),
  };
  return jsonBytes === null ? document : { ...document, json: tail.take(jsonBytes) };
}
