/** Names in messages in the form of wire.ts: what names.ts has nothing to say against. */
import { collectionNameProblem, fieldProblem, idProblem } from './names.ts';
import { transactionLimits } from './transaction.ts';
import { MalformedError, text } from './wire.ts';

export function collectionName(value: unknown): string {
  return named(value, transactionLimits.collectionNameBytesMax, collectionNameProblem);
}

export function documentId(value: unknown): string {
  return named(value, transactionLimits.idBytesMax, idProblem);
}

export function fieldName(value: unknown): string {
  return named(value, transactionLimits.fieldBytesMax, fieldProblem);
}

function named(value: unknown, lengthMax: number, problemOf: (name: string) => string | null): string {
  const name = text(value, lengthMax);
  if (problemOf(name) !== null) throw new MalformedError();
  return name;
}
