/** What may be a name: of a collection, of a document in it, of a field, of a request. Each problem says what was expected. */
import { keyProblem } from './command.ts';
import { type Idempotency, type Target, transactionLimits } from './transaction.ts';

const { collectionNameBytesMax, idBytesMax, fieldBytesMax } = transactionLimits;
const idempotencyKeyLengthMax = 255;
const fingerprintBytes = 32;

/** Why this is not the name of a collection, or null: 1 to 128 bytes of well-formed UTF-8. */
export function collectionNameProblem(name: string): string | null {
  return nameProblem('the name of a collection', name, collectionNameBytesMax);
}

/** Why this is not a document's id, or null: 1 to 512 bytes of well-formed UTF-8. */
export function idProblem(id: string): string | null {
  return nameProblem('the id of a document', id, idBytesMax);
}

/** Why a command cannot name this field, or null: 1 to 128 bytes of well-formed UTF-8. Documents may have others. */
export function fieldProblem(field: string): string | null {
  return nameProblem('the name of a field', field, fieldBytesMax);
}

/** Why this is not an idempotency key, or null: 1 to 255 characters of printable ASCII. */
export function idempotencyKeyProblem(key: string): string | null {
  if (key.length === 0 || key.length > idempotencyKeyLengthMax) {
    return `an idempotency key has 1 to ${idempotencyKeyLengthMax} characters, got ${key.length}`;
  }
  return /^[\x20-\x7e]*$/.test(key) ? null : 'an idempotency key must be printable ASCII';
}

export function idempotencyProblem({ key, fingerprint }: Idempotency): string | null {
  if (fingerprint.length === fingerprintBytes) return idempotencyKeyProblem(key);
  return `a fingerprint is a SHA-256, of ${fingerprintBytes} bytes, got ${fingerprint.length}`;
}

/** Why this is no prefix of keys, or null: a key, or nothing. */
export function prefixProblem(prefix: string): string | null {
  return prefix === '' ? null : keyProblem(prefix);
}

/** One text for each target. */
export function targetName(target: Target): string {
  if (target.type === 'key') return `k${target.key}`;
  return `d${target.collection.length}:${target.collection}${target.id}`;
}

function nameProblem(what: string, name: string, bytesMax: number): string | null {
  if (name.length === 0) return `${what} must not be empty`;
  if (!name.isWellFormed()) return `${what} must be well-formed Unicode`;
  // A UTF-16 unit takes at most three bytes: short names need no count.
  if (name.length * 3 > bytesMax && Buffer.byteLength(name) > bytesMax) {
    return `${what} is at most ${bytesMax} bytes of UTF-8, got ${Buffer.byteLength(name)}`;
  }
  return null;
}
