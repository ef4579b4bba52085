/**
 * A transaction as bytes: a part of a command, in its version 1 (command-codec.ts). Integers are big-endian.
 *
 *   transaction   compares · then · otherwise, each: count u16 · that many
 *   compare       type u8 · 0 exists:                                    target · is flag
 *                           1 version, 2 modRevision, 3 createRevision:  target · comparison u8 · number u64
 *                           4 value:                                     key text · comparison u8 · value bytes
 *                           5 field:                                     target · field text · comparison u8 · scalar
 *   scalar        type u8 · 0 null · 1 false · 2 true · 3 number: f64 · 4 text: bytes
 *   operation     type u8 · 0 get:          target
 *                           1 range:        prefix text · after? text · limit u16 · keysOnly flag
 *                           2 put:          key text · contentType text · ttlMs? u64 · value bytes
 *                           3 putDocument:  collection text · id text · ttlMs? u64 · basis · known? · json bytes
 *                           4 patch:        target · basis? · json bytes
 *                           5 add:          target · field text · amount f64 · min? f64 · max? f64
 *                           6 delete:       target · known?
 *                           7 deleteRange:  prefix text
 *   basis         definition u64 · count u16 · field terms (terms-codec.ts)
 *   known         revision u64 · count u16 · field terms · count u16 · changed fields, text each
 *   text          length u16 · UTF-8
 *   bytes         length u32 · the bytes
 *   flag, x?      u8: 0 or 1, and then x
 *
 * Written by hand rather than in a general format: one transaction has one form, so that whatever is accepted is what was
 * encoded; nothing nests, so that depth and time are bounded by the length; values are views of the entry; and a format that
 * others maintain would accept more with each release, on some replicas before others.
 */
import { unreachable } from '../raft/assert.ts';
import type { Index } from '../raft/types.ts';
import type { ByteReader } from './byte-reader.ts';
import {
  type ByteSink,
  byteCount,
  writeFlag,
  writeFloat64,
  writeList,
  writeOption,
  writeText,
  writeUint53,
} from './byte-sink.ts';
import { collectionLimits } from './collection.ts';
import { limits } from './command.ts';
import {
  readCollectionName,
  readField,
  readFieldTerms,
  readId,
  readKey,
  readTarget,
  writeFieldTerms,
  writeTarget,
} from './terms-codec.ts';
import {
  type Compare,
  comparisons,
  type DocumentBasis,
  type KnownDocument,
  type Operation,
  type Scalar,
  type Transaction,
  transactionLimits,
} from './transaction.ts';

const { partsMax, documentBytesMax, encodedBytesMax, changedFieldsMax } = transactionLimits;

/** Positions are in the log: add at the end. */
const compareTypes = ['exists', 'version', 'modRevision', 'createRevision', 'value', 'field'] as const;
const operationTypes = ['get', 'range', 'put', 'putDocument', 'patch', 'add', 'delete', 'deleteRange'] as const;
const scalarTypes = ['null', 'false', 'true', 'number', 'text'] as const;
const equalities = ['=', '!='] as const;

/** Of the transaction alone, without stamp and idempotency. */
export function transactionBytes(transaction: Transaction): number {
  return byteCount((sink) => writeTransaction(sink, transaction));
}

/** The caller has made sure that `transactionProblem` finds none. */
export function writeTransaction(sink: ByteSink, { compares, then, otherwise }: Transaction): void {
  writeList(sink, compares, writeCompare);
  writeList(sink, then, writeOperation);
  writeList(sink, otherwise, writeOperation);
}

/** Its parts are well formed each; whether they are sound and go together `transactionProblem` says. */
export function readTransaction(reader: ByteReader): Transaction {
  return {
    compares: reader.list(partsMax, readCompare),
    then: reader.list(partsMax, readOperation),
    otherwise: reader.list(partsMax, readOperation),
  };
}

function writeCompare(sink: ByteSink, compare: Compare): void {
  sink.uint8(compareTypes.indexOf(compare.of));
  switch (compare.of) {
    case 'exists':
      writeTarget(sink, compare.target);
      writeFlag(sink, compare.is);
      return;
    case 'version':
    case 'modRevision':
    case 'createRevision':
      writeTarget(sink, compare.target);
      sink.uint8(comparisons.indexOf(compare.is));
      sink.uint53(compare.number);
      return;
    case 'value':
      sink.text(compare.key);
      sink.uint8(equalities.indexOf(compare.is));
      sink.bytes(compare.value);
      return;
    case 'field':
      writeTarget(sink, compare.target);
      sink.text(compare.field);
      sink.uint8(comparisons.indexOf(compare.is));
      writeScalar(sink, compare.scalar);
      return;
    default:
      unreachable(compare);
  }
}

function readCompare(reader: ByteReader): Compare {
  const of = reader.choice(compareTypes);
  switch (of) {
    case 'exists':
      return { of, target: readTarget(reader), is: reader.flag() };
    case 'version':
    case 'modRevision':
    case 'createRevision':
      return { of, target: readTarget(reader), is: reader.choice(comparisons), number: reader.uint53() };
    case 'value':
      return { of, key: readKey(reader), is: reader.choice(equalities), value: reader.bytes(limits.valueBytesMax) };
    case 'field': {
      const target = readTarget(reader);
      return { of, target, field: readField(reader), is: reader.choice(comparisons), scalar: readScalar(reader) };
    }
    default:
      return unreachable(of);
  }
}

function writeScalar(sink: ByteSink, scalar: Scalar): void {
  if (scalar === null) {
    sink.uint8(0);
    return;
  }
  if (typeof scalar === 'boolean') {
    sink.uint8(scalar ? 2 : 1);
    return;
  }
  if (typeof scalar === 'number') {
    sink.uint8(3);
    sink.float64(scalar);
    return;
  }
  sink.uint8(4);
  sink.bytes(Buffer.from(scalar));
}

function readScalar(reader: ByteReader): Scalar {
  const type = reader.choice(scalarTypes);
  switch (type) {
    case 'null':
      return null;
    case 'false':
      return false;
    case 'true':
      return true;
    case 'number':
      return reader.float64();
    case 'text':
      return reader.longText(encodedBytesMax);
    default:
      return unreachable(type);
  }
}

function writeOperation(sink: ByteSink, operation: Operation): void {
  sink.uint8(operationTypes.indexOf(operation.type));
  switch (operation.type) {
    case 'get':
      writeTarget(sink, operation.target);
      return;
    case 'range':
      sink.text(operation.prefix);
      writeOption(sink, operation.after, writeText);
      sink.uint16(operation.limit);
      writeFlag(sink, operation.keysOnly);
      return;
    case 'put':
      sink.text(operation.key);
      sink.text(operation.contentType);
      writeOption(sink, operation.ttlMs, writeUint53);
      sink.bytes(operation.value);
      return;
    case 'putDocument':
      sink.text(operation.collection);
      sink.text(operation.id);
      writeOption(sink, operation.ttlMs, writeUint53);
      writeBasis(sink, operation.basis);
      writeOption(sink, operation.basis.known, writeKnown);
      sink.bytes(operation.json);
      return;
    case 'patch':
      writeTarget(sink, operation.target);
      writeOption(sink, operation.basis, writeBasis);
      sink.bytes(operation.json);
      return;
    case 'add':
      writeTarget(sink, operation.target);
      sink.text(operation.field);
      sink.float64(operation.amount);
      writeOption(sink, operation.min, writeFloat64);
      writeOption(sink, operation.max, writeFloat64);
      return;
    case 'delete':
      writeTarget(sink, operation.target);
      writeOption(sink, operation.known, writeKnown);
      return;
    case 'deleteRange':
      sink.text(operation.prefix);
      return;
    default:
      unreachable(operation);
  }
}

function readOperation(reader: ByteReader): Operation {
  const type = reader.choice(operationTypes);
  switch (type) {
    case 'get':
      return { type, target: readTarget(reader) };
    case 'range': {
      const prefix = readKey(reader);
      return { type, prefix, after: reader.option(readKey), limit: reader.uint16(), keysOnly: reader.flag() };
    }
    case 'put': {
      const key = readKey(reader);
      const contentType = reader.text(limits.contentTypeBytesMax);
      return { type, key, contentType, ttlMs: reader.option(readUint53), value: reader.bytes(limits.valueBytesMax) };
    }
    case 'putDocument': {
      const collection = readCollectionName(reader);
      const id = readId(reader);
      const ttlMs = reader.option(readUint53);
      const basis = { ...readBasis(reader), known: reader.option(readKnown) };
      return { type, collection, id, ttlMs, basis, json: reader.bytes(documentBytesMax) };
    }
    case 'patch': {
      const target = readTarget(reader);
      return { type, target, basis: reader.option(readBasis), json: reader.bytes(documentBytesMax) };
    }
    case 'add': {
      const target = readTarget(reader);
      const field = readField(reader);
      const amount = reader.float64();
      return { type, target, field, amount, min: reader.option(readFloat64), max: reader.option(readFloat64) };
    }
    case 'delete':
      return { type, target: readTarget(reader), known: reader.option(readKnown) };
    case 'deleteRange':
      return { type, prefix: readKey(reader) };
    default:
      return unreachable(type);
  }
}

type Basis = Omit<DocumentBasis, 'known'>;

function writeBasis(sink: ByteSink, { definition, terms }: Basis): void {
  sink.uint53(definition);
  writeList(sink, terms, writeFieldTerms);
}

function readBasis(reader: ByteReader): Basis {
  return { definition: reader.uint53() as Index, terms: reader.list(collectionLimits.indexesMax, readFieldTerms) };
}

function writeKnown(sink: ByteSink, { revision, terms, changed }: KnownDocument): void {
  sink.uint53(revision);
  writeList(sink, terms, writeFieldTerms);
  writeList(sink, changed, writeText);
}

function readKnown(reader: ByteReader): KnownDocument {
  return {
    revision: reader.uint53(),
    terms: reader.list(collectionLimits.indexesMax, readFieldTerms),
    changed: reader.list(changedFieldsMax, readField),
  };
}

function readUint53(reader: ByteReader): number {
  return reader.uint53();
}

function readFloat64(reader: ByteReader): number {
  return reader.float64();
}
