/** What one transaction sees, with what that costs in bounds. */
import type { Collection } from './collection.ts';
import type { StoredDocument } from './document.ts';
import type { TransactionView } from './evaluation.ts';
import { isObject, type JsonObject, parseJson } from './json.ts';
import type { StoredValue } from './kv.ts';
import { targetName } from './names.ts';
import { transactionLimits } from './transaction.ts';

/** Thrown where a transaction would have to parse more than it may. */
export class ParsingSpentError extends Error {
  override readonly name = 'ParsingSpentError';
}

/** Each row is read once, and parsed once, however many compares and operations are about it. */
export class RememberedView implements TransactionView {
  readonly #view: TransactionView;
  readonly #values = new Map<string, StoredValue | null>();
  readonly #documents = new Map<string, StoredDocument | null>();
  readonly #objects = new Map<Uint8Array, JsonObject | null>();
  #bytesLeft: number = transactionLimits.parsedBytesMax;

  constructor(view: TransactionView) {
    this.#view = view;
  }

  get timeMs(): number {
    return this.#view.timeMs;
  }

  value(key: string): StoredValue | null {
    return remembered(this.#values, key, () => this.#view.value(key));
  }

  collection(name: string): Collection | null {
    return this.#view.collection(name);
  }

  document(collection: Collection, id: string): StoredDocument | null {
    const name = targetName({ type: 'document', collection: collection.name, id });
    return remembered(this.#documents, name, () => this.#view.document(collection, id));
  }

  range(operation: Parameters<TransactionView['range']>[0]): ReturnType<TransactionView['range']> {
    return this.#view.range(operation);
  }

  keysOf(prefix: string): readonly string[] | null {
    return this.#view.keysOf(prefix);
  }

  /** Null: this is no JSON object. Throws ParsingSpentError. */
  objectIn(bytes: Uint8Array): JsonObject | null {
    return remembered(this.#objects, bytes, () => {
      this.#bytesLeft -= bytes.length;
      if (this.#bytesLeft < 0) throw new ParsingSpentError();
      const parsed = parseJson(bytes);
      return parsed.type === 'json' && isObject(parsed.value) ? parsed.value : null;
    });
  }
}

function remembered<Key, Value>(found: Map<Key, Value>, key: Key, read: () => Value): Value {
  const before = found.get(key);
  if (before !== undefined) return before;
  const value = read();
  found.set(key, value);
  return value;
}
