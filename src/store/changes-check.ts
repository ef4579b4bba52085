/** Is what came back an answer to what was asked? A gap or a repeat would go out to everybody who watches. */
import type { Change, ChangesQuery, ChangesResult, Subject, Watched } from './watch.ts';

export function answersChanges(query: ChangesQuery, result: ChangesResult): boolean {
  if (result.type === 'compacted') return result.compactedRevision > query.after;
  const { changes, through, skip } = result;
  if (changes.length > query.limit || through < query.after) return false;
  // Nobody can unlearn what is known already.
  if (through === query.after && skip < query.skip) return false;
  let [revision, place] = [query.after + 1, query.skip];
  for (const change of changes) {
    if (change.revision < revision || (change.revision === revision && change.place < place)) return false;
    if (!isOfInterest(query.watched, change.subject) || !isWhole(change)) return false;
    [revision, place] = [change.revision, change.place + 1];
  }
  if (changes.length === 0) return true;
  return revision <= through || (revision === through + 1 && place <= skip);
}

export function isOfInterest(watched: Watched | null, subject: Subject): boolean {
  if (watched === null) return true;
  if (watched.type === 'keys') return subject.type === 'key' && subject.key.startsWith(watched.prefix);
  return subject.type !== 'key' && subject.collection === watched.name;
}

function isWhole(change: Change): boolean {
  if (change.type !== 'put') return true;
  return 'item' in change ? change.item.value !== undefined : change.document.json !== undefined;
}
