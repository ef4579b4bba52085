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
import { checkLinearizability } from './linearizability.ts';

/** What is legal, though it may not look so. */
const legal: readonly (readonly [title: string, ...lines: readonly Line[]])[] = [
  ['nothing at all'],
  [
    'a key that is written, read, deleted and written anew: versions start again',
    ['c1', 0, 1, put('k', 'a'), done(2, 1)],
    ['c1', 1, 2, put('k', 'b'), done(3, 2)],
    ['c2', 3, 4, get('k'), got('k', 'b', 3)],
    ['c1', 5, 6, remove('k'), deleted(4)],
    ['c2', 7, 8, get('k'), gotNothing(4)],
    ['c1', 9, 10, remove('k'), notFound],
    ['c1', 11, 12, put('k', 'c'), done(6, 1)],
  ],
  [
    'a read at the same time as a write sees what was before',
    ['c1', 0, 1, put('k', 'a'), done(2, 1)],
    ['c1', 2, 9, put('k', 'b'), done(3, 2)],
    ['c2', 3, 4, get('k'), got('k', 'a', 2)],
    ['c2', 5, 6, get('k'), got('k', 'b', 3)],
  ],
  [
    'reads that are told the revision alone',
    ['c1', 0, 1, put('k', 'a'), done(2, 1)],
    ['c2', 2, 3, head('k'), checked(2)],
    ['c1', 2, 9, put('k', 'b'), done(3, 2)],
    ['c2', 4, 5, getUnlessAt('k', 2), checked(2)],
    ['c2', 6, 7, getUnlessAt('k', 2), got('k', 'b', 3)],
    ['c2', 8, 9, head('l'), gotNothing(3)],
  ],
  [
    'touching in time is not one after the other, for two clients',
    ['c1', 0, 5, put('k', 'a'), done(2, 1)],
    ['c2', 5, 6, get('k'), gotNothing(1)],
  ],
  [
    'a write of unknown outcome that is done long after its client gave up',
    ['c1', 0, 1, put('k', 'a'), unknown],
    ['c2', 5, 6, get('k'), gotNothing(1)],
    ['c2', 7, 8, put('k', 'b'), done(3, 1)],
    ['c2', 9, 10, get('k'), got('k', 'a', 7)],
  ],
  [
    'a write of unknown outcome that is never done',
    ['c1', 0, 1, put('k', 'a'), unknown],
    ['c2', 5, 6, get('k'), gotNothing(9)],
  ],
  [
    'a write of unknown outcome that nobody saw, but for the version that it took',
    ['c1', 0, 1, put('k', 'a'), done(2, 1)],
    ['c1', 2, 3, put('k', 'b'), unknown],
    ['c2', 4, 5, put('k', 'c'), done(9, 3)],
  ],
  [
    'a write of unknown outcome that nobody saw, but for the revision in a refusal',
    ['c1', 0, 1, put('k', 'a'), unknown],
    ['c2', 2, 3, put('k', 'b', ifAbsent), conditionFailed(7)],
    ['c2', 4, 5, put('k', 'c', ifAt(7)), done(8, 2)],
  ],
  [
    'deletes of unknown outcome that nobody saw, but for what was not there any more',
    ['c1', 0, 1, put('k', 'a'), done(2, 1)],
    ['c1', 2, 3, remove('k'), unknown],
    ['c2', 4, 5, get('k'), gotNothing(9)],
    ['c3', 4, 5, remove('k', ifAt(9)), conditionFailed(0)],
    ['c2', 6, 7, put('k', 'b', ifAbsent), done(10, 1)],
  ],
  [
    'a conditional delete of unknown outcome',
    ['c1', 0, 1, put('k', 'a'), done(2, 1)],
    ['c1', 2, 3, remove('k', ifAt(2)), unknown],
    ['c2', 4, 5, get('k'), gotNothing(9)],
  ],
  [
    'a list that shows what is there, and a page of one',
    ['c1', 0, 1, put('p/1', 'a'), done(2, 1)],
    ['c1', 2, 3, put('p/2', 'b'), done(3, 1)],
    ['c2', 4, 5, list('p/'), listed(3, [item('p/1', 'a', 2, 1), item('p/2', 'b', 3, 1)])],
    ['c2', 6, 7, list('p/', 1), listed(3, [item('p/1', 'a', 2, 1)], true)],
    ['c2', 8, 9, list('q/'), listed(3, [])],
  ],
  [
    'pages that begin behind a key, there or not',
    ['c1', 0, 1, put('p/1', 'a'), done(2, 1)],
    ['c1', 2, 3, put('p/2', 'b'), done(3, 1)],
    ['c2', 4, 5, listAfter('p/1', 'p/'), listed(3, [item('p/2', 'b', 3, 1)])],
    ['c2', 6, 7, listAfter('p/0', 'p/', 1), listed(3, [item('p/1', 'a', 2, 1)], true)],
    ['c2', 8, 9, listAfter('p/2', 'p/'), listed(3, [])],
  ],
];

for (const [title, ...lines] of legal) {
  test(`legal: ${title}`, (t) => {
    t.deepEqual(checkLinearizability(history(...lines)), []);
  });
}

const written: Line = ['c1', 0, 1, put('k', 'a'), done(2, 1)];
const rewritten: Line = ['c1', 2, 3, put('k', 'b'), done(3, 2)];

/** Each with words that its finding has to contain. */
const illegal: readonly (readonly [title: string, words: RegExp, ...lines: readonly Line[]])[] = [
  [
    'stale read',
    /comes before.*\n.*put k = b.*\n.*get k/,
    written,
    rewritten,
    ['c2', 4, 5, get('k'), got('k', 'a', 2, 3)],
  ],
  [
    'stale read, at the very moment at which the same client was told of the write',
    /comes before/,
    written,
    rewritten,
    ['c1', 3, 5, get('k'), got('k', 'a', 2, 3)],
  ],
  ['stale read of nothing', /key is at revision 2/, written, ['c2', 4, 5, get('k'), gotNothing(1)]],
  [
    'stale read of nothing, which a delete of unknown outcome does not explain: the value is still there',
    /saw no key, between.*\n.*put k = a.*\n.*c3 get k.*\n.*c2 get k/,
    written,
    ['c1', 2, 3, remove('k'), unknown],
    ['c3', 4, 5, get('k'), gotNothing(1)],
    ['c2', 6, 7, get('k'), got('k', 'a', 2, 3)],
  ],
  [
    'a read that goes back while the write is under way',
    /comes before/,
    written,
    ['c1', 2, 20, put('k', 'b'), done(3, 2)],
    ['c2', 4, 5, get('k'), got('k', 'b', 3)],
    ['c2', 6, 7, get('k'), got('k', 'a', 2, 3)],
  ],
  [
    'a read that goes back from a write of unknown outcome',
    /comes before/,
    written,
    ['c1', 2, 3, put('k', 'b'), unknown],
    ['c2', 4, 5, get('k'), got('k', 'b', 3)],
    ['c3', 6, 7, get('k'), got('k', 'a', 2, 3)],
  ],
  [
    'a read from the future',
    /comes before/,
    ['c2', 0, 1, get('k'), got('k', 'a', 2)],
    ['c1', 2, 3, put('k', 'a'), done(2, 1)],
  ],
  ['lost update', /cannot:.*put k = b/s, written, ['c1', 2, 3, put('k', 'b'), done(3, 1)]],
  ['lost update, by the version alone', /version 1, and.*put k = b/s, written, ['c1', 2, 3, put('k', 'b'), done(3, 3)]],
  [
    'lost update that one write of unknown outcome cannot explain: it was asked too late',
    /cannot:/,
    written,
    ['c1', 2, 3, put('k', 'b'), done(9, 3)],
    ['c2', 4, 5, put('k', 'c'), unknown],
  ],
  [
    'lost update that a write of unknown outcome cannot explain: there is no revision between',
    /cannot:/,
    written,
    ['c2', 1.5, 1.6, put('k', 'c'), unknown],
    ['c1', 2, 3, put('k', 'b'), done(3, 3)],
  ],
  [
    'a write of unknown outcome that shows up twice',
    /done twice/,
    ['c1', 0, 1, put('k', 'a'), unknown],
    ['c2', 2, 3, get('k'), got('k', 'a', 2)],
    ['c2', 4, 5, put('k', 'b'), done(3, 2)],
    ['c2', 6, 7, get('k'), got('k', 'a', 4)],
  ],
  [
    'a write that was answered and shows up again',
    /not what was written at 4/,
    written,
    rewritten,
    ['c2', 6, 7, get('k'), got('k', 'a', 4)],
  ],
  ['a value out of thin air', /nobody wrote z/, written, ['c2', 2, 3, get('k'), got('k', 'z', 3)]],
  ['a value of another key', /nobody wrote a to j/, written, ['c2', 2, 3, get('j'), got('j', 'a', 3)]],
  [
    'a write that was said not to be done',
    /not what was written at 2/,
    ['c1', 0, 1, put('k', 'a'), notApplied],
    ['c2', 2, 3, get('k'), got('k', 'a', 2)],
  ],
  [
    'a write that was refused and done all the same',
    /not what was written at 3/,
    written,
    ['c1', 2, 3, put('k', 'b', ifAbsent), conditionFailed(2)],
    ['c2', 4, 5, get('k'), got('k', 'b', 3)],
  ],
  [
    'a refusal with a wrong current revision',
    /comes before/,
    written,
    rewritten,
    ['c2', 4, 5, put('k', 'c', ifAbsent), conditionFailed(2)],
  ],
  [
    'a refusal with the revision of nothing',
    /cannot:.*put k = c/s,
    written,
    ['c2', 4, 5, put('k', 'c', ifAbsent), conditionFailed(9)],
  ],
  ['a refusal though there is nothing', /cannot:/, written, ['c2', 4, 5, put('k', 'c', ifAt(7)), conditionFailed(0)]],
  [
    'a refusal though the condition holds',
    /the condition holds/,
    written,
    ['c2', 4, 5, remove('k', ifAt(2)), conditionFailed(2)],
  ],
  ['a refusal without a condition', /there was no condition/, written, ['c2', 4, 5, remove('k'), conditionFailed(2)]],
  [
    'a write on condition that did not hold',
    /cannot:/,
    written,
    rewritten,
    ['c2', 4, 5, put('k', 'c', ifAt(2)), done(4, 3)],
  ],
  [
    'a delete on condition that did not hold',
    /cannot:/,
    written,
    rewritten,
    ['c2', 4, 5, remove('k', ifAt(2)), deleted(4)],
  ],
  ['created twice', /cannot:/, written, ['c2', 4, 5, put('k', 'c', ifAbsent), done(4, 1)]],
  ['a delete of nothing', /cannot:/, ['c2', 4, 5, remove('k'), deleted(4)]],
  [
    'a delete that was lost',
    /comes before/,
    written,
    ['c1', 2, 3, remove('k'), deleted(3)],
    ['c2', 4, 5, get('k'), got('k', 'a', 2, 3)],
  ],
  [
    'versions that go on after a delete',
    /cannot:/,
    written,
    ['c1', 2, 3, remove('k'), deleted(3)],
    ['c1', 4, 5, put('k', 'b'), done(4, 2)],
  ],
  [
    'one delete of unknown outcome that would have to be done twice',
    /cannot:/,
    written,
    ['c1', 2, 3, remove('k'), unknown],
    ['c2', 4, 5, get('k'), gotNothing(9)],
    ['c2', 6, 7, put('k', 'b'), done(10, 1)],
    ['c2', 8, 9, get('k'), gotNothing(12)],
  ],
  [
    'a conditional delete of unknown outcome that cannot have been',
    /cannot:/,
    written,
    rewritten,
    ['c1', 4, 5, remove('k', ifAt(2)), unknown],
    ['c2', 6, 7, get('k'), gotNothing(9)],
  ],
  [
    'a conditional delete of unknown outcome that was asked too late',
    /cannot:/,
    written,
    ['c2', 4, 5, get('k'), gotNothing(9)],
    ['c1', 6, 7, remove('k', ifAt(2)), unknown],
  ],
  [
    'a read of what is newer than the read',
    /newer than the read/,
    written,
    ['c2', 4, 5, get('k'), got('k', 'a', 2, 1)],
  ],
  ['two writes of one revision', /two writes at revision 2/, written, ['c2', 0, 1, put('k', 'b'), done(2, 1)]],
  ['two keys at one revision', /write to k/, written, ['c2', 0, 1, put('j', 'b'), done(2, 1)]],
  ['a list that leaves out a key', /k: no order/, written, ['c2', 4, 5, list(''), listed(3, [])]],
  [
    'a page that leaves out a key before its last',
    /k: no order/,
    written,
    ['c1', 2, 3, put('l', 'b'), done(3, 1)],
    ['c2', 4, 5, list('', 1), listed(3, [item('l', 'b', 3, 1)], true)],
  ],
  [
    'a page that leaves out a key behind the page before',
    /k: no order/,
    written,
    ['c2', 4, 5, listAfter('j', ''), listed(3, [])],
  ],
  [
    'a page that begins anew',
    /k is out of order/,
    written,
    ['c2', 4, 5, listAfter('k', ''), listed(3, [item('k', 'a', 2, 1)])],
  ],
  ['a stale list', /comes before/, written, rewritten, ['c2', 4, 5, list(''), listed(3, [item('k', 'a', 2, 1)])]],
  [
    'a list with a wrong version',
    /version at 2 is 1/,
    written,
    ['c2', 4, 5, list(''), listed(3, [item('k', 'a', 2, 2)])],
  ],
  [
    'a list out of order',
    /out of order/,
    written,
    ['c1', 2, 3, put('l', 'b'), done(3, 1)],
    ['c2', 4, 5, list(''), listed(3, [item('l', 'b', 3, 1), item('k', 'a', 2, 1)])],
  ],
  [
    'a revision that was replaced',
    /k: /,
    written,
    ['c1', 2, 3, put('k', 'b'), done(3, 2)],
    ['c2', 4, 5, getUnlessAt('k', 2), checked(2, 3)],
  ],
  ['a value that had not changed', /had not changed/, written, ['c2', 2, 3, getUnlessAt('k', 2), got('k', 'a', 2)]],
  ['no value, and it had changed', /had changed/, written, ['c2', 2, 3, getUnlessAt('k', 1), checked(2)]],
  ['no value that was asked for', /value was asked for/, written, ['c2', 2, 3, get('k'), checked(2)]],
  ['a value that was not asked for', /no value was asked for/, written, ['c2', 2, 3, head('k'), got('k', 'a', 2)]],
  [
    'a list of another prefix',
    /not within the prefix/,
    written,
    ['c2', 4, 5, list('p'), listed(3, [item('k', 'a', 2, 1)])],
  ],
];

for (const [title, words, ...lines] of illegal) {
  test(`illegal: ${title}`, (t) => {
    const findings = checkLinearizability(history(...lines));
    t.is(findings.length, 1);
    t.regex(findings[0]?.message ?? '', words);
    t.false(findings[0]?.giveUp);
  });
}

test('a finding shows the last that could follow, and what could not', (t) => {
  const [finding] = checkLinearizability(history(written, ['c2', 4, 5.25, get('k'), gotNothing(1)]));
  t.is(
    finding?.message,
    [
      'k: no order explains it. The longest one found:',
      '#0 c1 put k = a [0 to 1 ms]: put, revision 2, version 1, created',
      'then the key is at revision 2, version 1, and what is to come next cannot:',
      '#1 c2 get k [4 to 5.25 ms]: absent, read at 1',
    ].join('\n  '),
  );
});

/** As what came before is told: `a` was put at revision 7, as the fourth version. */
const opening = history(['opening', 0, 1, put('k', 'a'), done(7, 4)]);

test('a history may begin with keys that are there', (t) => {
  const good: readonly (readonly Line[])[] = [
    [],
    [['c1', 2, 3, get('k'), got('k', 'a', 7)]],
    [
      ['c1', 0, 1, list(''), listed(8, [item('k', 'a', 7, 4)])],
      ['c1', 2, 3, put('k', 'b'), done(9, 5)],
      ['c2', 4, 5, remove('k'), deleted(10)],
      ['c2', 6, 7, put('k', 'c'), done(11, 1)],
    ],
    [
      ['c1', 0, 1, put('k', 'b'), unknown],
      ['c2', 2, 3, put('k', 'c'), done(12, 6)],
    ],
    [
      ['c1', 0, 1, remove('k'), unknown],
      ['c2', 2, 3, get('k'), gotNothing(9)],
    ],
    [['c1', 2, 3, get('j'), gotNothing(9)]],
  ];
  for (const lines of good) t.deepEqual(checkLinearizability(history(...lines), { opening }), []);
});

test('what does not agree with what was there before is found', (t) => {
  const bad: readonly (readonly [words: RegExp, ...lines: readonly Line[]])[] = [
    [/cannot:.*get k/s, ['c1', 2, 3, get('k'), gotNothing(9)]],
    [/nobody wrote z to k in this history/, ['c1', 2, 3, get('k'), got('k', 'z', 3, 9)]],
    [/not what was written at 6/, ['c1', 2, 3, get('k'), got('k', 'a', 6, 9)]],
    [/comes before/, ['c1', 2, 3, put('k', 'b', ifAbsent), conditionFailed(6)]],
    [/cannot:.*put k = b/s, ['c1', 2, 3, put('k', 'b'), done(9, 1)]],
    [/cannot:.*put k = b/s, ['c1', 2, 3, put('k', 'b'), done(9, 6)]],
    [/version at 7 is 4/, ['c1', 2, 3, list(''), listed(9, [item('k', 'a', 7, 1)])]],
  ];
  for (const [words, ...lines] of bad) {
    const findings = checkLinearizability(history(...lines), { opening });
    t.is(findings.length, 1);
    t.regex(findings[0]?.message ?? '', words);
  }
});

test('one bad key among good ones: the finding is of that key', (t) => {
  const lines: Line[] = [];
  for (let nth = 0; nth < 20; nth++) lines.push(['c1', nth, nth + 0.5, put(`k${nth}`, `v${nth}`), done(nth + 1, 1)]);
  const findings = checkLinearizability(history(...lines, ['c2', 30, 31, get('k7'), gotNothing(30)]));
  t.deepEqual(
    findings.map(({ message }) => message.split(':')[0]),
    ['k7'],
  );
});

test('whoever may not take enough steps gives up, and says so', (t) => {
  const lines: Line[] = [];
  for (let nth = 0; nth < 20; nth++) lines.push(['c1', nth, nth + 0.5, put('k', `v${nth}`), done(nth + 1, nth + 1)]);
  const [finding, ...others] = checkLinearizability(history(...lines), { stepsMax: 20 });
  t.deepEqual(finding, { checker: 'linearizability', message: 'k: gave up after 20 steps', giveUp: true });
  t.deepEqual(others, []);
  t.deepEqual(checkLinearizability(history(...lines), { stepsMax: 21 }), []);
});

test('reads between writes cost no steps, however many there are', (t) => {
  const lines: Line[] = [];
  const [writes, readsPerWrite] = [50, 400];
  for (let nth = 0; nth < writes; nth++) {
    lines.push(['c1', nth, nth + 0.5, put('k', `v${nth}`), done(nth + 1, nth + 1)]);
    for (let read = 0; read < readsPerWrite; read++) {
      lines.push([`c${2 + (read % 20)}`, nth + 0.6, nth + 0.9, get('k'), got('k', `v${nth}`, nth + 1)]);
    }
  }
  t.deepEqual(checkLinearizability(history(...lines), { stepsMax: writes + 1 }), []);
});
