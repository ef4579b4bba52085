/** Keys and what stands under them, as parts of messages in the form of wire.ts. Values are in the tail. */
import { type KeyValue, keyProblem, limits } from './command.ts';
import { list, MalformedError, natural, type Tail, text, tuple } from './wire.ts';

export function encodeItem(item: KeyValue, tail: Uint8Array[]): readonly unknown[] {
  const { key, createRevision, modRevision, version, contentType, sizeBytes, value, expiresAtMs } = item;
  if (value !== undefined) tail.push(value);
  const fields = [key, createRevision, modRevision, version, contentType, sizeBytes, value?.length ?? null];
  return expiresAtMs === undefined ? fields : [...fields, expiresAtMs];
}

export function decodeItem(value: unknown, tail: Tail): KeyValue {
  const isMortal = list(value, 8).length === 8;
  const [key, createRevision, modRevision, version, contentType, sizeBytes, valueBytes, expiresAtMs] = tuple(
    value,
    isMortal ? 8 : 7,
  );
  const item = {
    key: keyText(key),
    createRevision: natural(createRevision),
    modRevision: natural(modRevision),
    version: natural(version),
    contentType: text(contentType, limits.contentTypeBytesMax),
    sizeBytes: natural(sizeBytes),
    ...(isMortal ? { expiresAtMs: natural(expiresAtMs) } : {}),
  };
  return valueBytes === null ? item : { ...item, value: tail.take(valueBytes) };
}

export function keyText(value: unknown): string {
  const key = text(value, limits.keyBytesMax);
  if (keyProblem(key) !== null) throw new MalformedError();
  return key;
}

/** A key, or nothing. */
export function keyPrefix(value: unknown): string {
  return value === '' ? '' : keyText(value);
}
