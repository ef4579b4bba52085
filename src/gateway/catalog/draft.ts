/**
 * A transaction as a client means it: documents as what they are, without what only the gateway knows of them. A draft
 * does not change from one attempt to the next; what it becomes does (resolve.ts).
 */
import {
  type Branch,
  branches,
  type Compare,
  type JsonObject,
  type Operation,
  type Place,
  type Target,
} from '../../store/client.ts';

type OperationOf<Type extends Operation['type']> = Extract<Operation, { readonly type: Type }>;

export type DraftOperation =
  | OperationOf<'get' | 'range' | 'put' | 'add' | 'deleteRange'>
  | {
      readonly type: 'putDocument';
      readonly collection: string;
      readonly id: string;
      /** Within the bounds of JSON (`parseJson`). It must have `id` under the collection's id field. */
      readonly document: JsonObject;
      readonly ttlMs: number | null;
      /** It is most likely not there: at first nobody is asked what is. */
      readonly isNew?: true;
    }
  | {
      readonly type: 'patch';
      readonly target: Target;
      /** RFC 7396. */
      readonly patch: JsonObject;
    }
  | { readonly type: 'delete'; readonly target: Target };

export interface Draft {
  readonly compares: readonly Compare[];
  readonly then: readonly DraftOperation[];
  readonly otherwise: readonly DraftOperation[];
}

export interface Placed {
  readonly place: Place;
  readonly operation: DraftOperation;
}

export function* placed(draft: Draft): Iterable<Placed> {
  for (const branch of branches) {
    for (const [operation, each] of draft[branch].entries()) {
      yield { place: { branch, operation }, operation: each };
    }
  }
}

/** The document that the operation writes; null if it writes none, or a key. */
export function writtenDocument(operation: DraftOperation): Extract<Target, { readonly type: 'document' }> | null {
  switch (operation.type) {
    case 'putDocument':
      return { type: 'document', collection: operation.collection, id: operation.id };
    case 'patch':
    case 'add':
    case 'delete':
      return operation.target.type === 'document' ? operation.target : null;
    default:
      return null;
  }
}

/** A JSON pointer to the operation, in the body of `POST /v1/txn`. */
export function placePath({ branch, operation }: Place): string {
  return `${branch === 'then' ? '/then' : '/else'}/${operation}`;
}

const places = /^(compares|then|otherwise)\[(\d+)\](.*)$/;
const members: Readonly<Record<string, string>> = {
  compares: 'compare',
  otherwise: 'else',
  ttlMs: 'ttl',
  number: 'value',
  scalar: 'value',
};

/** Likewise, from the place that `transactionProblem` names: `then[3].target.key` is `/then/3/key`. */
export function bodyPath(path: string, draft: Draft): string {
  const [, part = '', position = '', rest = ''] = places.exec(path) ?? [];
  if (part === '') return '';
  const [member = ''] = /[a-zA-Z]+$/.exec(rest.replace(/^\.(?:basis|known)\b.*$/, '')) ?? [];
  const operation = part === 'compares' ? undefined : draft[part as Branch][Number(position)];
  const named = member === 'json' ? (operation?.type === 'patch' ? 'patch' : 'document') : (members[member] ?? member);
  const whole = `/${members[part] ?? part}/${position}`;
  return named === '' || named === 'target' ? whole : `${whole}/${named}`;
}
