/**
 * The commands of the catalog as bytes, behind the version and type of a command (command-codec.ts).
 *
 *   4 transaction   stamp · idempotency? · transaction (transaction-codec.ts)
 *   5 tick          stampMs u64 · count u16 · count × (target · modRevision u64) · count u16 · count × key text
 *   6 define        stamp · name text · replaces? u64 · definition?
 *   7 build         collection u64 · index u64 · from? text · to? text · count u16 · count × built
 *   8 sweep         collection u64 · index u64 · is last flag · count u16 · count × row bytes
 *
 *   idempotency     key text · fingerprint, 32 bytes
 *   definition      idField text · count u16 · count × (field text · kind u8)
 *   built           id text · modRevision u64 · are numbers flag · count u16 · terms, each: text, or f64 if they are numbers
 *
 * Targets, texts, kinds, flags and what is optional (x?) are as in transaction-codec.ts.
 */
import { unreachable } from '../raft/assert.ts';
import type { Index } from '../raft/types.ts';
import type { ByteReader } from './byte-reader.ts';
import { type ByteSink, writeFlag, writeList, writeOption, writeText, writeUint53 } from './byte-sink.ts';
import { collectionLimits, type IndexDefinition, type IndexNumber } from './collection.ts';
import type { BuiltDocument, Definition, Expiry, SessionStamp } from './command.ts';
import type { CatalogCommand } from './command-problem.ts';
import {
  readCollectionName,
  readField,
  readId,
  readKind,
  readNumbers,
  readTarget,
  readTexts,
  writeKind,
  writeTarget,
  writeTerms,
} from './terms-codec.ts';
import type { Idempotency } from './transaction.ts';
import { readTransaction, writeTransaction } from './transaction-codec.ts';

const idempotencyKeyBytesMax = 255;
const fingerprintBytes = 32;
/** An index row's: numbers, a term with its zeros doubled, an id. */
const rowKeyBytesMax = 2048;

/** The caller has made sure that `catalogProblem` finds none. */
export function writeCatalogCommand(sink: ByteSink, command: CatalogCommand): void {
  switch (command.type) {
    case 'transaction':
      writeStamp(sink, command.stamp);
      writeOption(sink, command.idempotency, writeIdempotency);
      writeTransaction(sink, command.transaction);
      return;
    case 'tick':
      sink.uint53(command.stampMs);
      writeList(sink, command.expired, writeExpiry);
      writeList(sink, command.forgotten, writeText);
      return;
    case 'define':
      writeStamp(sink, command.stamp);
      sink.text(command.name);
      writeOption(sink, command.replaces, writeUint53);
      writeOption(sink, command.definition, writeDefinition);
      return;
    case 'build':
      sink.uint53(command.collection);
      sink.uint53(command.index);
      writeOption(sink, command.from, writeText);
      writeOption(sink, command.to, writeText);
      writeList(sink, command.documents, writeBuilt);
      return;
    case 'sweep':
      sink.uint53(command.collection);
      sink.uint53(command.index);
      writeFlag(sink, command.isLast);
      writeList(sink, command.rows, (each, row) => each.bytes(row));
      return;
    default:
      unreachable(command);
  }
}

export function readCatalogCommand(reader: ByteReader, type: CatalogCommand['type']): CatalogCommand {
  switch (type) {
    case 'transaction': {
      const stamp = readStamp(reader);
      return { type, stamp, idempotency: reader.option(readIdempotency), transaction: readTransaction(reader) };
    }
    case 'tick':
      return {
        type,
        stampMs: reader.uint53(),
        expired: reader.list(collectionLimits.expiredMax, readExpiry),
        forgotten: reader.list(collectionLimits.forgottenMax, (each) => each.text(idempotencyKeyBytesMax)),
      };
    case 'define': {
      const stamp = readStamp(reader);
      const name = readCollectionName(reader);
      const replaces = reader.option((each) => each.uint53());
      return { type, stamp, name, definition: reader.option(readDefinition), replaces };
    }
    case 'build': {
      const collection = readIndex(reader);
      const index = readIndex(reader) as number as IndexNumber;
      const from = reader.option(readId);
      const to = reader.option(readId);
      const documents = reader.list(collectionLimits.builtDocumentsMax, readBuilt);
      return { type, collection, index, from, to, documents };
    }
    case 'sweep': {
      const collection = readIndex(reader);
      const index = reader.uint53();
      const isLast = reader.flag();
      const rows = reader.list(collectionLimits.sweptRowsMax, (each) => each.bytes(rowKeyBytesMax));
      return { type, collection, index, rows, isLast };
    }
    default:
      return unreachable(type);
  }
}

export function readStamp(reader: ByteReader): SessionStamp {
  const stamp = { session: readIndex(reader), sequence: reader.uint53(), lowestUnanswered: reader.uint53() };
  if (!isStamp(stamp)) reader.fail();
  return stamp;
}

export function isStamp({ session, sequence, lowestUnanswered }: SessionStamp): boolean {
  return session >= 1 && lowestUnanswered >= 1 && lowestUnanswered <= sequence;
}

function writeStamp(sink: ByteSink, { session, sequence, lowestUnanswered }: SessionStamp): void {
  sink.uint53(session);
  sink.uint53(sequence);
  sink.uint53(lowestUnanswered);
}

function writeIdempotency(sink: ByteSink, { key, fingerprint }: Idempotency): void {
  sink.text(key);
  sink.raw(fingerprint);
}

function readIdempotency(reader: ByteReader): Idempotency {
  return { key: reader.text(idempotencyKeyBytesMax), fingerprint: reader.raw(fingerprintBytes) };
}

function writeExpiry(sink: ByteSink, { target, modRevision }: Expiry): void {
  writeTarget(sink, target);
  sink.uint53(modRevision);
}

function readExpiry(reader: ByteReader): Expiry {
  return { target: readTarget(reader), modRevision: readIndex(reader) };
}

function writeDefinition(sink: ByteSink, { idField, indexes }: Definition): void {
  sink.text(idField);
  writeList(sink, indexes, writeIndexDefinition);
}

function readDefinition(reader: ByteReader): Definition {
  return { idField: readField(reader), indexes: reader.list(collectionLimits.indexesMax, readIndexDefinition) };
}

function writeIndexDefinition(sink: ByteSink, { field, kind }: IndexDefinition): void {
  sink.text(field);
  writeKind(sink, kind);
}

function readIndexDefinition(reader: ByteReader): IndexDefinition {
  return { field: readField(reader), kind: readKind(reader) };
}

function writeBuilt(sink: ByteSink, { id, modRevision, terms }: BuiltDocument): void {
  sink.text(id);
  sink.uint53(modRevision);
  writeFlag(sink, typeof terms[0] === 'number');
  writeTerms(sink, terms);
}

function readBuilt(reader: ByteReader): BuiltDocument {
  const id = readId(reader);
  const modRevision = readIndex(reader);
  const areNumbers = reader.flag();
  const terms = areNumbers ? readNumbers(reader) : readTexts(reader);
  // No terms are no texts.
  if (areNumbers && terms.length === 0) reader.fail();
  return { id, modRevision, terms };
}

function readIndex(reader: ByteReader): Index {
  return reader.uint53() as Index;
}
