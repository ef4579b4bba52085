/**
 * Targets and index terms as bytes, as parts of a command.
 *
 *   target       0 · key text | 1 · collection text · id text
 *   field terms  field text · kind u8 · count u16 · terms, each: text, or f64 if the kind is number
 */
import type { ByteReader } from './byte-reader.ts';
import { type ByteSink, writeFloat64, writeList, writeText } from './byte-sink.ts';
import { limits } from './command.ts';
import { type FieldTerms, type IndexKind, indexKinds, type Target, transactionLimits } from './transaction.ts';

const { fieldBytesMax, termBytesMax, termsPerDocumentMax, collectionNameBytesMax, idBytesMax } = transactionLimits;

/** Positions are in the log: add at the end. */
const targetTypes = ['key', 'document'] as const;

export function writeTarget(sink: ByteSink, target: Target): void {
  sink.uint8(targetTypes.indexOf(target.type));
  if (target.type === 'key') {
    sink.text(target.key);
    return;
  }
  sink.text(target.collection);
  sink.text(target.id);
}

export function readTarget(reader: ByteReader): Target {
  const type = reader.choice(targetTypes);
  if (type === 'key') return { type, key: readKey(reader) };
  return { type, collection: readCollectionName(reader), id: readId(reader) };
}

export function readKey(reader: ByteReader): string {
  return reader.text(limits.keyBytesMax);
}

export function readCollectionName(reader: ByteReader): string {
  return reader.text(collectionNameBytesMax);
}

export function readId(reader: ByteReader): string {
  return reader.text(idBytesMax);
}

export function readField(reader: ByteReader): string {
  return reader.text(fieldBytesMax);
}

export function writeKind(sink: ByteSink, kind: IndexKind): void {
  sink.uint8(indexKinds.indexOf(kind));
}

export function readKind(reader: ByteReader): IndexKind {
  return reader.choice(indexKinds);
}

export function writeFieldTerms(sink: ByteSink, { field, kind, terms }: FieldTerms): void {
  sink.text(field);
  writeKind(sink, kind);
  writeTerms(sink, terms);
}

export function readFieldTerms(reader: ByteReader): FieldTerms {
  const field = readField(reader);
  const kind = readKind(reader);
  return { field, kind, terms: kind === 'number' ? readNumbers(reader) : readTexts(reader) };
}

export function writeTerms(sink: ByteSink, terms: readonly (string | number)[]): void {
  writeList(sink, terms, (_, term) => (typeof term === 'number' ? writeFloat64(sink, term) : writeText(sink, term)));
}

export function readTexts(reader: ByteReader): readonly string[] {
  return reader.list(termsPerDocumentMax, (each) => each.text(termBytesMax));
}

export function readNumbers(reader: ByteReader): readonly number[] {
  return reader.list(termsPerDocumentMax, (each) => each.float64());
}
