import type { Filter, SearchQuery } from '../../src/store/search-query.ts';
import type { SeededRandom } from './random.ts';

/** Of the documents that random commands make. */
export function randomSearch(random: SeededRandom, collection: string): SearchQuery {
  const filters: Filter[] = [];
  if (random.below(3) === 0) filters.push({ type: 'term', field: 'topic', term: random.pick(['systems', 'art']) });
  if (random.below(4) === 0) filters.push({ type: 'contains', field: 'title', text: random.pick(['e', 'd s', 'tea']) });
  if (random.below(4) === 0)
    filters.push({ type: 'words', field: 'title', words: [random.pick(['deep', 'red', 'tea'])] });
  if (random.below(3) === 0) {
    const [min, max] = random.pick([
      [1, null],
      [null, 3],
      [1, 3],
    ] as const);
    filters.push({
      type: 'number',
      field: 'price',
      min,
      max,
      minExclusive: random.below(2) === 0,
      maxExclusive: false,
    });
  }
  const sort =
    random.below(2) === 0 ? null : { field: random.pick(['price', 'stock']), descending: random.below(2) === 0 };
  const after =
    random.below(3) > 0
      ? null
      : { id: random.pick(['1', '3', 'ä']), sortValue: sort === null ? null : random.below(5) };
  const fields = random.below(3) === 0 ? ['id', 'price'] : null;
  return { collection, filters, sort, after, limit: 1 + random.below(4), fields, count: random.below(2) === 0 };
}
