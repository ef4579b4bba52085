import test from 'ava';
import {
  checked,
  conditionFailed,
  deleted,
  done,
  get,
  getUnlessAt,
  got,
  gotNothing,
  head,
  history,
  ifAbsent,
  ifAt,
  item,
  type Line,
  list,
  listAfter,
  listed,
  notApplied,
  notFound,
  put,
  remove,
  unknown,
} from './hand-written.ts';
import { type LoggedWrite, loggedCondition } from './logged-write.ts';
import type { Request } from './operation.ts';
import { checkReplay, finalState } from './replay.ts';

/** An entry: what was asked, and in which place of the one session; or nothing. */
type Entry = Request | readonly [request: Request, sequence: number, lowestUnanswered?: number] | 'noop';

/** Index 1 opens the session; the entries follow from index 2 on. */
function logOf(...entries: readonly Entry[]): readonly LoggedWrite[] {
  const log: LoggedWrite[] = [{ index: 1, term: 1, type: 'openSession' }];
  for (const entry of entries) {
    const index = log.length + 1;
    if (entry === 'noop') {
      log.push({ index, term: 1, type: 'noop' });
      continue;
    }
    const [request, sequence, lowestUnanswered] = 'type' in entry ? ([entry, index, 1] as const) : entry;
    if (request.type !== 'put' && request.type !== 'delete') throw new Error('only writes are logged');
    const condition = loggedCondition(request.condition);
    const stamp = { session: 1, sequence, lowestUnanswered: lowestUnanswered ?? 1 };
    log.push({ index, term: 1, ...request, ...stamp, condition });
  }
  return log;
}

const putA = put('k', 'a');
const putB = put('k', 'b');
const written: Line = ['c1', 0, 1, putA, done(2, 1)];
const rewritten: Line = ['c1', 2, 3, putB, done(3, 2)];

type Case = readonly [title: string, log: readonly LoggedWrite[], ...lines: readonly Line[]];

const legal: readonly Case[] = [
  ['nothing at all', []],
  [
    'a key that is written, read, deleted and written anew: versions start again',
    logOf(putA, putB, remove('k'), remove('k'), put('k', 'c')),
    written,
    rewritten,
    ['c2', 3.5, 4, get('k'), got('k', 'b', 3)],
    ['c1', 5, 6, remove('k'), deleted(4)],
    ['c1', 7, 8, remove('k'), notFound],
    ['c2', 7, 8, get('k'), gotNothing(4)],
    ['c1', 9, 10, put('k', 'c'), done(6, 1)],
  ],
  [
    'a read at the same time as a write sees what was before',
    logOf(putA, putB),
    written,
    ['c1', 2, 9, putB, done(3, 2)],
    ['c2', 3, 4, get('k'), got('k', 'a', 2)],
  ],
  [
    'reads that are told the revision alone, of a key that is there',
    logOf(putA, putB),
    written,
    ['c2', 1.5, 1.7, head('k'), checked(2)],
    rewritten,
    ['c2', 4, 5, getUnlessAt('k', 3), checked(3)],
    ['c2', 6, 7, getUnlessAt('k', 2), got('k', 'b', 3)],
  ],
  [
    'a write that came again, and one that came too late, are not carried out',
    logOf([putA, 1], [putA, 1], [putB, 3, 3], [put('k', 'c'), 2]),
    written,
    ['c1', 2, 3, putB, done(4, 2)],
    ['c2', 2, 3, put('k', 'c'), unknown],
    ['c2', 5, 6, get('k'), got('k', 'b', 4, 5)],
  ],
  [
    'a write of an unknown session is not carried out',
    [
      {
        index: 1,
        term: 1,
        ...putA,
        type: 'put',
        key: 'k',
        value: 'a',
        condition: loggedCondition({ type: 'none' }),
        session: 9,
        sequence: 1,
        lowestUnanswered: 1,
      },
    ],
    ['c1', 0, 1, putA, notApplied],
    ['c2', 5, 6, get('k'), gotNothing(1)],
  ],
  [
    'a write of unknown outcome that is done long after its client gave up',
    logOf(putB, putA),
    ['c1', 0, 1, putA, unknown],
    ['c1', 2, 3, putB, done(2, 1)],
    ['c2', 4, 5, get('k'), got('k', 'b', 2)],
    ['c2', 6, 7, get('k'), got('k', 'a', 3)],
  ],
  [
    'conditions that hold, and that do not',
    logOf(
      put('k', 'a', ifAbsent),
      put('k', 'b', ifAbsent),
      put('k', 'c', ifAt(2)),
      remove('k', ifAt(2)),
      remove('k', ifAt(4)),
    ),
    ['c1', 0, 1, put('k', 'a', ifAbsent), done(2, 1)],
    ['c1', 2, 3, put('k', 'b', ifAbsent), conditionFailed(2)],
    ['c1', 4, 5, put('k', 'c', ifAt(2)), done(4, 2)],
    ['c1', 6, 7, remove('k', ifAt(2)), conditionFailed(4)],
    ['c1', 8, 9, remove('k', ifAt(4)), deleted(6)],
  ],
  [
    'deletes that share their words: each finds its entry',
    logOf(putA, remove('k'), remove('k'), remove('k')),
    written,
    ['c1', 2, 20, remove('k'), notFound],
    ['c2', 2, 3, remove('k'), deleted(3)],
    ['c3', 2, 3, remove('k'), unknown],
  ],
  [
    'lists: all of it, a page, another prefix, and in the order of UTF-8',
    logOf(put('p/\uffff', 'a'), put('p/𐀀', 'b'), put('q', 'c')),
    ['c1', 0, 1, put('p/\uffff', 'a'), done(2, 1)],
    ['c1', 2, 3, put('p/𐀀', 'b'), done(3, 1)],
    ['c1', 4, 5, put('q', 'c'), done(4, 1)],
    ['c2', 6, 7, list('p/'), listed(4, [item('p/\uffff', 'a', 2, 1), item('p/𐀀', 'b', 3, 1)])],
    ['c2', 8, 9, list('p/', 1), listed(4, [item('p/\uffff', 'a', 2, 1)], true)],
    ['c2', 10, 11, list('r'), listed(4, [])],
    ['c2', 12, 13, listAfter('p/\uffff', 'p/'), listed(4, [item('p/𐀀', 'b', 3, 1)])],
    ['c2', 14, 15, listAfter('p/', ''), listed(4, [item('p/\uffff', 'a', 2, 1)], true)],
    ['c2', 16, 17, listAfter('q', ''), listed(4, [])],
  ],
];

for (const [title, log, ...lines] of legal) {
  test(`legal: ${title}`, (t) => {
    t.deepEqual(checkReplay(log, history(...lines)), []);
  });
}

const both = logOf(putA, putB);
const pair = [item('j', 'j', 2, 1), item('k', 'a', 3, 1)] as const;
const pairLog = logOf(put('j', 'j'), putA);
const pairWritten: readonly Line[] = [
  ['c1', 0, 1, put('j', 'j'), done(2, 1)],
  ['c1', 2, 3, putA, done(3, 1)],
];

/** Each with words that one of its findings has to contain. */
const illegal: readonly (readonly [
  title: string,
  words: RegExp,
  log: readonly LoggedWrite[],
  ...lines: readonly Line[],
])[] = [
  [
    'a read that is not what the log says',
    /the log says k = b of 3/,
    both,
    written,
    rewritten,
    ['c2', 4, 5, get('k'), got('k', 'a', 2, 3)],
  ],
  ['stale read', /index 3 was over before/, both, written, rewritten, ['c2', 4, 5, get('k'), got('k', 'a', 2)]],
  ['stale read of nothing', /index 2 was over before/, logOf(putA), written, ['c2', 4, 5, get('k'), gotNothing(1)]],
  [
    'a read that goes back',
    /index 3 was over before/,
    both,
    written,
    ['c1', 2, 20, putB, done(3, 2)],
    ['c2', 4, 5, get('k'), got('k', 'b', 3)],
    ['c3', 6, 7, get('k'), got('k', 'a', 2)],
  ],
  [
    'a read that goes back, of another key',
    /index 3 was over before/,
    both,
    written,
    ['c1', 2, 20, putB, done(3, 2)],
    ['c2', 4, 5, get('k'), got('k', 'b', 3)],
    ['c3', 6, 7, get('j'), gotNothing(2)],
  ],
  [
    'writes in the wrong order',
    /index 3 was over before/,
    logOf(putB, putA),
    ['c1', 0, 1, putA, done(3, 2)],
    ['c1', 2, 3, putB, done(2, 1)],
  ],
  [
    'a read from the future',
    /index 2 was over before/,
    logOf(putA),
    ['c2', 0, 1, get('k'), got('k', 'a', 2)],
    ['c1', 2, 3, putA, done(2, 1)],
  ],
  [
    'a write that was done before it was asked',
    /index 3 was over before/,
    logOf(putB, 'noop'),
    ['c1', 0, 1, get('k'), got('k', 'b', 2, 3)],
    ['c1', 2, 3, putB, unknown],
  ],
  ['lost write', /the log does not carry it out/, logOf('noop', putB), written, ['c1', 2, 3, putB, done(3, 1)]],
  ['lost update', /by the log it was put, revision 3, version 2/, both, written, ['c1', 2, 3, putB, done(3, 1)]],
  [
    'an answer with a wrong revision',
    /by the log it was put, revision 3/,
    logOf(putA, putB, 'noop'),
    written,
    ['c1', 2, 3, putB, done(4, 2)],
  ],
  [
    'an answer beyond the end of the log',
    /the log ends at index 3/,
    both,
    written,
    rewritten,
    ['c2', 4, 5, get('k'), got('k', 'b', 3, 4)],
  ],
  ['double execution', /carried out at index 2 and 3/, logOf([putA, 1], [putA, 2]), written],
  [
    'double execution of what nobody was told of',
    /carried out at index 2 and 3/,
    logOf([putA, 1], [putA, 2]),
    ['c1', 0, 1, putA, unknown],
  ],
  ['a write that was said not to be done', /carried out at index 2:/, logOf(putA), ['c1', 0, 1, putA, notApplied]],
  ['a write out of thin air', /put of b.*nobody asked/, both, written],
  [
    'a write on another condition',
    /another key or condition/,
    logOf(put('k', 'a', ifAt(9))),
    ['c1', 0, 1, put('k', 'a'), conditionFailed(0)],
  ],
  ['a write to another key', /another key or condition/, logOf(put('j', 'a')), written],
  [
    'a write on condition that did not hold',
    /condition failed at index 3, current 2/,
    logOf(putA, put('k', 'b', ifAbsent)),
    written,
    ['c1', 2, 3, put('k', 'b', ifAbsent), done(3, 2)],
  ],
  [
    'a refusal with a wrong current revision',
    /condition failed at index 3, current 2/,
    logOf(putA, put('k', 'b', ifAbsent)),
    written,
    ['c1', 2, 3, put('k', 'b', ifAbsent), conditionFailed(1)],
  ],
  [
    'a refusal though the condition held',
    /by the log it was put/,
    logOf(putA, put('k', 'b', ifAt(2))),
    written,
    ['c1', 2, 3, put('k', 'b', ifAt(2)), conditionFailed(1)],
  ],
  ['a delete out of thin air', /delete at index 3.*nobody asked/, logOf(putA, remove('k')), written],
  [
    'a delete that was done twice',
    /delete at index 4.*not so often/,
    logOf(putA, remove('k'), remove('k')),
    written,
    ['c1', 2, 3, remove('k'), deleted(3)],
  ],
  [
    'a delete that was said not to be done',
    /delete at index 3.*nobody asked/,
    logOf(putA, remove('k')),
    written,
    ['c1', 2, 3, remove('k'), notApplied],
  ],
  [
    'a delete of unknown outcome that was done before it was asked',
    /delete at index 3.*nobody asked/,
    logOf(putA, remove('k'), 'noop'),
    written,
    ['c2', 2, 3, get('k'), gotNothing(4)],
    ['c1', 4, 5, remove('k'), unknown],
  ],
  [
    'one delete, two who were told of it',
    /no delete in the log/,
    logOf(putA, remove('k')),
    written,
    ['c1', 2, 3, remove('k'), deleted(3)],
    ['c2', 2, 3, remove('k'), deleted(3)],
  ],
  [
    'a delete that found nothing where there was something',
    /no delete in the log/,
    logOf(putA, remove('k')),
    written,
    ['c1', 2, 3, remove('k'), notFound],
  ],
  [
    'a delete that found nothing, but not while it was under way',
    /no delete in the log/,
    logOf(putA, 'noop', remove('k', ifAbsent), remove('k'), remove('k')),
    written,
    ['c3', 2, 3, remove('k'), notFound],
    ['c1', 4, 5, remove('k', ifAbsent), conditionFailed(2)],
    ['c2', 6, 7, get('k'), got('k', 'a', 2, 3)],
    ['c1', 8, 9, remove('k'), deleted(5)],
    ['c2', 8, 9, remove('k'), unknown],
  ],
  [
    'a delete on condition with a wrong current revision',
    /no delete in the log/,
    logOf(putA, remove('k', ifAt(9))),
    written,
    ['c1', 2, 3, remove('k', ifAt(9)), conditionFailed(3)],
  ],
  [
    'a list that leaves out a key',
    /j = j of 2, version 1, in place 1/,
    pairLog,
    ...pairWritten,
    ['c2', 4, 5, list(''), listed(3, [pair[1]])],
  ],
  [
    'a list that ends too soon',
    /k = a of 3 is missing at its end/,
    pairLog,
    ...pairWritten,
    ['c2', 4, 5, list(''), listed(3, [pair[0]])],
  ],
  [
    'a list of more than there was',
    /there are only 1/,
    pairLog,
    ...pairWritten,
    ['c2', 2, 5, list(''), listed(2, pair)],
  ],
  [
    'a list that says there is more',
    /there is no more/,
    pairLog,
    ...pairWritten,
    ['c2', 4, 5, list(''), listed(3, pair, true)],
  ],
  [
    'a list with a wrong version',
    /k = a of 3, version 1, in place 2/,
    pairLog,
    ...pairWritten,
    ['c2', 4, 5, list(''), listed(3, [pair[0], item('k', 'a', 3, 2)])],
  ],
  [
    'a list longer than its limit',
    /more than was asked for/,
    pairLog,
    ...pairWritten,
    ['c2', 4, 5, list('', 1), listed(3, pair)],
  ],
  [
    'a page that begins anew',
    /k = a of 3, version 1, in place 1/,
    pairLog,
    ...pairWritten,
    ['c2', 4, 5, listAfter('j', '', 1), listed(3, [pair[0]], true)],
  ],
  [
    'a page that ends too soon',
    /k = a of 3 is missing at its end/,
    pairLog,
    ...pairWritten,
    ['c2', 4, 5, listAfter('j', ''), listed(3, [])],
  ],
  ['a stale list', /index 3 was over before/, pairLog, ...pairWritten, ['c2', 4, 5, list(''), listed(2, [pair[0]])]],
  ['a write with a wrong version', /revision 3, version 2/, both, written, ['c1', 2, 3, putB, done(3, 3)]],
  [
    'a write that says that it created what was there',
    /revision 3, version 2/,
    both,
    written,
    ['c1', 2, 3, putB, { type: 'answered', reply: { type: 'put', revision: 3, version: 2, created: true } }],
  ],
  [
    'a delete with a wrong revision',
    /no delete in the log/,
    logOf(putA, remove('k'), 'noop'),
    written,
    ['c1', 2, 3, remove('k'), deleted(4)],
  ],
  [
    'a delete of unknown outcome that was done twice',
    /delete at index 4.*not so often/,
    logOf(putA, remove('k'), remove('k')),
    written,
    ['c1', 2, 3, remove('k'), unknown],
  ],
  [
    'a revision that the key no longer had',
    /the log says k = b of 3/,
    both,
    written,
    rewritten,
    ['c2', 4, 5, getUnlessAt('k', 2), checked(2, 3)],
  ],
  [
    'a revision of a key that was not there',
    /the log says there is no such key/,
    logOf('noop'),
    ['c2', 0, 1, head('k'), checked(1, 2)],
  ],
  ['a gap in the log', /index 3 where 2 belongs/, both.toSpliced(1, 1), written],
  ['a log that goes back in terms', /from term 1 to 0/, both.with(2, { index: 3, term: 0, type: 'noop' }), written],
];

for (const [title, words, log, ...lines] of illegal) {
  test(`illegal: ${title}`, (t) => {
    const findings = checkReplay(log, history(...lines));
    t.true(findings.length > 0);
    t.regex(findings.map(({ message }) => message).join('\n'), words);
    t.true(findings.every(({ checker, giveUp }) => checker === 'replay' && !giveUp));
  });
}

test('the final state is what the log leaves', (t) => {
  const log = logOf(putA, putB, put('j', 'j'), remove('j'), put('l', 'l'), remove('l'), put('l', 'm'));
  t.deepEqual([...finalState(log).values()], [item('k', 'b', 3, 2), item('l', 'm', 8, 1)]);
  t.deepEqual([...finalState([]).values()], []);
});
