/** What watches were told against what has changed: each change of interest once, in order, none left out. */
import type { Change, Watched } from '../../../src/store/watch.ts';
import { canonical } from '../../store/canonical.ts';
import type { WatchLog } from './operation.ts';

export function watchProblems(watches: readonly WatchLog[], changes: readonly Change[]): readonly string[] {
  return watches.flatMap(({ id, watched, changes: told, through, skip }) => {
    const expected = changes.filter(
      (change) =>
        isOf(change, watched) &&
        (change.revision <= through || (change.revision === through + 1 && change.place < skip)),
    );
    const first = expected.findIndex((change, place) => canonical(change) !== canonical(told[place]));
    if (first < 0 && told.length === expected.length) return [];
    const place = first < 0 ? expected.length : first;
    const [found, wanted] = [shown(told[place]), shown(expected[place])];
    return [`${id} (${canonical(watched)}), up to ${through}: event ${place + 1} is ${found}\n  by the log ${wanted}`];
  });
}

function isOf({ subject }: Change, watched: Watched | null): boolean {
  if (watched === null) return true;
  if (watched.type === 'keys') return subject.type === 'key' && subject.key.startsWith(watched.prefix);
  return subject.type === 'document' && subject.collection === watched.name;
}

function shown(change: Change | undefined): string {
  return change === undefined ? 'none' : canonical(change);
}
