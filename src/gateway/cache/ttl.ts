/**
 * How old an answer may become in the cache, by class: `search=1h,info=30m`. Answers do not need it to be true; it is
 * for those who want an end to everything.
 */
import { duration, type Kind, UsageError } from '../../config.ts';
import type { EntryKind } from './entry.ts';

const classes = ['search', 'info'] as const;
type CacheClass = (typeof classes)[number];

/** In milliseconds; null where age is no bound. `info` are keys and documents, 404 among them, `search` are lists and searches. */
export type CacheTtl = Readonly<Record<`${CacheClass}Ms`, number | null>>;

export const ageUnbounded: CacheTtl = { searchMs: null, infoMs: null };

export const cacheTtl: Kind<CacheTtl> = {
  placeholder: 'CLASS=DURATION,...',
  parse(value) {
    const ages = new Map<CacheClass, number>();
    for (const pair of value.split(',')) {
      const [, name, age] = /^([^=]*)=(.*)$/s.exec(pair) ?? [];
      if (name === undefined || age === undefined) {
        throw new UsageError('expected CLASS=DURATION, separated by commas, such as search=1h,info=30m');
      }
      const cacheClass = classes.find((candidate) => candidate === name);
      if (cacheClass === undefined) {
        throw new UsageError(`expected the classes ${classes.join(' and ')}, found ${JSON.stringify(name)}`);
      }
      if (ages.has(cacheClass)) throw new UsageError(`expected each class once, found ${cacheClass} twice`);
      ages.set(cacheClass, ageOf(cacheClass, age));
    }
    return { searchMs: ages.get('search') ?? null, infoMs: ages.get('info') ?? null };
  },
};

function ageOf(cacheClass: CacheClass, age: string): number {
  try {
    return duration.parse(age);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${cacheClass}: ${error.message}, found ${JSON.stringify(age)}`);
  }
}

/** The bound for entries of a kind. */
export function ttlMsOf({ infoMs, searchMs }: CacheTtl, kind: EntryKind): number | null {
  return kind === 'list' || kind === 'search' ? searchMs : infoMs;
}
