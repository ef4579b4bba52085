/**
 * The result of a transaction as bytes: in replies, and in what is kept for whoever asks again.
 *
 *   version u8 = 1 · type u8 · 0 transaction:  revision u64 · succeeded flag · count u16 · results
 *                              1 failed:       reason u8 · branch u8 (0 then, 1 otherwise) · operation u16
 *                                              (the idempotency key's reasons stand alone)
 *   result         type u8   · 0 key:          item?
 *                              1 document:     document?
 *                              2 range:        count u16 · items · more flag
 *                              3 written:      version u64 · created flag · sum? f64
 *                              4 deleted:      count u64
 *   item           key text · createRevision u64 · modRevision u64 · version u64 · contentType text
 *                  · expiresAtMs? u64 · 0 · sizeBytes u64 | 1 · value bytes
 *   document       id text · createRevision u64 · modRevision u64 · version u64 · expiresAtMs? u64 · json? bytes
 *
 * Texts, bytes, flags and what is optional (x?) are as in transaction-codec.ts. Do not change what version 1 means: it is on disks.
 */
import { unreachable } from '../raft/assert.ts';
import type { Index } from '../raft/types.ts';
import { ByteReader } from './byte-reader.ts';
import {
  type ByteSink,
  byteCount,
  toBytes,
  writeFlag,
  writeFloat64,
  writeList,
  writeOption,
  writeUint53,
} from './byte-sink.ts';
import { type KeyValue, limits } from './command.ts';
import { readId, readKey } from './terms-codec.ts';
import { branches, type Document, type KeptResult, type OperationResult, transactionLimits } from './transaction.ts';

const version = 1;

/** Positions are on disks and on the wire: add at the end. */
const resultTypes = ['transaction', 'transactionFailed'] as const;
const operationResultTypes = ['key', 'document', 'range', 'written', 'deleted'] as const;
const reasons = [
  'noCollection',
  'definitionChanged',
  'revisionChanged',
  'termsDiffer',
  'notJson',
  'notANumber',
  'outOfBounds',
  'tooLarge',
  'notFound',
  'idChanged',
  'idempotencyMismatch',
  'idempotencyFull',
] as const;

/** Equal results have equal bytes. A result that says whether it was given before may be given: that is left out. */
export function encodeResult(result: KeptResult): Uint8Array {
  return toBytes((sink) => writeResult(sink, result));
}

/** How many bytes `encodeResult` makes of it. */
export function resultBytes(result: KeptResult): number {
  return byteCount((sink) => writeResult(sink, result));
}

function writeResult(sink: ByteSink, result: KeptResult): void {
  sink.uint8(version);
  sink.uint8(resultTypes.indexOf(result.type));
  if (result.type === 'transactionFailed') {
    sink.uint8(reasons.indexOf(result.reason));
    if (!('operation' in result)) return;
    sink.uint8(branches.indexOf(result.branch));
    sink.uint16(result.operation);
    return;
  }
  sink.uint53(result.revision);
  writeFlag(sink, result.succeeded);
  writeList(sink, result.results, writeOperationResult);
}

/** Null if the bytes are no result. Values are views of `bytes`, not copies. */
export function decodeResult(bytes: Uint8Array): KeptResult | null {
  const reader = new ByteReader(bytes);
  if (reader.uint8() !== version) return null;
  const result = readResult(reader);
  return reader.done ? result : null;
}

function readResult(reader: ByteReader): KeptResult {
  const type = reader.choice(resultTypes);
  if (type === 'transactionFailed') {
    const reason = reader.choice(reasons);
    if (reason === 'idempotencyMismatch' || reason === 'idempotencyFull') return { type, reason };
    return { type, reason, branch: reader.choice(branches), operation: reader.uint16() };
  }
  const revision = reader.uint53() as Index;
  const succeeded = reader.flag();
  return { type, revision, succeeded, results: reader.list(transactionLimits.partsMax, readOperationResult) };
}

function writeOperationResult(sink: ByteSink, result: OperationResult): void {
  sink.uint8(operationResultTypes.indexOf(result.type));
  switch (result.type) {
    case 'key':
      writeOption(sink, result.item, writeItem);
      return;
    case 'document':
      writeOption(sink, result.document, writeDocument);
      return;
    case 'range':
      writeList(sink, result.items, writeItem);
      writeFlag(sink, result.more);
      return;
    case 'written':
      sink.uint53(result.version);
      writeFlag(sink, result.created);
      writeOption(sink, result.sum ?? null, writeFloat64);
      return;
    case 'deleted':
      sink.uint53(result.count);
      return;
    default:
      unreachable(result);
  }
}

function readOperationResult(reader: ByteReader): OperationResult {
  const type = reader.choice(operationResultTypes);
  switch (type) {
    case 'key':
      return { type, item: reader.option(readItem) };
    case 'document':
      return { type, document: reader.option(readDocument) };
    case 'range':
      return { type, items: reader.list(limits.listItemsMax, readItem), more: reader.flag() };
    case 'written': {
      const written = { type, version: reader.uint53(), created: reader.flag() };
      const sum = reader.option((each) => each.float64());
      return sum === null ? written : { ...written, sum };
    }
    case 'deleted':
      return { type, count: reader.uint53() };
    default:
      return unreachable(type);
  }
}

function writeItem(sink: ByteSink, item: KeyValue): void {
  sink.text(item.key);
  writeRevisions(sink, item);
  sink.text(item.contentType);
  writeOption(sink, item.expiresAtMs ?? null, writeUint53);
  writeFlag(sink, item.value !== undefined);
  if (item.value === undefined) sink.uint53(item.sizeBytes);
  else sink.bytes(item.value);
}

function readItem(reader: ByteReader): KeyValue {
  const key = readKey(reader);
  if (key === '') reader.fail();
  const revisions = readRevisions(reader);
  const contentType = reader.text(limits.contentTypeBytesMax);
  const expiresAtMs = reader.option((each) => each.uint53());
  const withValue = reader.flag();
  const value = withValue ? reader.bytes(limits.valueBytesMax) : null;
  const item = { key, ...revisions, contentType, ...(expiresAtMs === null ? {} : { expiresAtMs }) };
  return value === null ? { ...item, sizeBytes: reader.uint53() } : { ...item, sizeBytes: value.length, value };
}

function writeDocument(sink: ByteSink, document: Document): void {
  sink.text(document.id);
  writeRevisions(sink, document);
  writeOption(sink, document.expiresAtMs, writeUint53);
  writeOption(sink, document.json ?? null, (each, json) => each.bytes(json));
}

function readDocument(reader: ByteReader): Document {
  const id = readId(reader);
  if (id === '') reader.fail();
  const document = { id, ...readRevisions(reader), expiresAtMs: reader.option((each) => each.uint53()) };
  const json = reader.option((each) => each.bytes(transactionLimits.documentBytesMax));
  return json === null ? document : { ...document, json };
}

type Revisions = Pick<Document, 'createRevision' | 'modRevision' | 'version'>;

function writeRevisions(sink: ByteSink, revisions: Revisions): void {
  sink.uint53(revisions.createRevision);
  sink.uint53(revisions.modRevision);
  sink.uint53(revisions.version);
}

function readRevisions(reader: ByteReader): Revisions {
  return { createRevision: reader.uint53(), modRevision: reader.uint53(), version: reader.uint53() };
}
