/**
 * Every document is in every index that is ready, under what it holds, whoever has put it there: the model goes by the terms that
 * commands state, so it would not miss what a builder has left out. The texts of these runs have no letters but plain small ones.
 */
import type { Collection } from '../../../src/store/collection.ts';
import type { IndexKind } from '../../../src/store/transaction.ts';
import type { ModelState } from '../../store/catalog-model-state.ts';

export function indexProblems(model: ModelState, collection: Collection): readonly string[] {
  const ready = collection.indexes.filter(({ state }) => state.type === 'ready');
  return model.documentsOf(collection).flatMap(([id, { json, terms }]) => {
    const members = JSON.parse(Buffer.from(json).toString()) as Readonly<Record<string, unknown>>;
    return ready.flatMap(({ number, field, kind }) => {
      const [found, wanted] = [JSON.stringify(terms.get(number) ?? []), JSON.stringify(termsOf(members[field], kind))];
      if (found === wanted) return [];
      return [`${id} is in the index of ${field} (${kind}) under ${found}, and holds ${wanted}`];
    });
  });
}

function termsOf(value: unknown, kind: IndexKind): readonly unknown[] {
  const parts: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (kind === 'number') {
    const numbers = parts.filter((part) => typeof part === 'number');
    return [...new Set(numbers)].sort((a, b) => a - b);
  }
  const texts = parts.filter((part) => typeof part === 'string');
  return [...new Set(kind === 'words' ? texts.flatMap((text) => text.split(' ')) : texts)].sort();
}
