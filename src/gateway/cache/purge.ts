/**
 * What an operator may have thrown out. A purge takes everything that may show what it names, so it takes lists with
 * the keys in them, and searches with the documents.
 */
import { documentName, documentsNames, type Entry, keyName, listedPrefix, searchesNames } from './entry.ts';

export type Purge =
  | { readonly type: 'key'; readonly key: string }
  | { readonly type: 'prefix'; readonly prefix: string }
  | { readonly type: 'document'; readonly collection: string; readonly id: string }
  /** Its documents, and what was searched for in it. */
  | { readonly type: 'collection'; readonly collection: string }
  /** Answers that carry one of them. */
  | { readonly type: 'touches'; readonly touches: readonly number[] }
  | { readonly type: 'all' };

/** Tells the entries that a purge takes from those that stay. */
export function takenBy(purge: Purge): (entry: Pick<Entry<unknown>, 'name' | 'kind' | 'touches'>) => boolean {
  switch (purge.type) {
    case 'key': {
      const { key } = purge;
      const name = keyName(key);
      return (entry) => (entry.kind === 'list' ? key.startsWith(prefixOf(entry)) : entry.name === name);
    }
    case 'prefix': {
      const { prefix } = purge;
      const name = keyName(prefix);
      return (entry) => {
        if (entry.kind !== 'list') return entry.name.startsWith(name);
        const listed = prefixOf(entry);
        return listed.startsWith(prefix) || prefix.startsWith(listed);
      };
    }
    case 'document': {
      const name = documentName(purge);
      const searches = searchesNames(purge.collection);
      return (entry) => entry.name === name || entry.name.startsWith(searches);
    }
    case 'collection': {
      const documents = documentsNames(purge.collection);
      const searches = searchesNames(purge.collection);
      return (entry) => entry.name.startsWith(documents) || entry.name.startsWith(searches);
    }
    case 'touches':
      return ({ touches }) => touches.some((touch) => purge.touches.includes(touch));
    case 'all':
      return () => true;
  }
}

/** The empty prefix, which is in every key, for a name that does not tell: rather too much than too little. */
function prefixOf({ name }: Pick<Entry<unknown>, 'name'>): string {
  return listedPrefix(name) ?? '';
}
