import test from 'ava';
import { Definitions, isUnavailable } from '../../../src/gateway/catalog/definitions.ts';
import { index } from '../../../src/raft/types.ts';
import type { Collection, Query, ReadOutcome } from '../../../src/store/client.ts';

function collection(name: string, modRevision: number): Collection {
  return { name, number: index(1), modRevision: index(modRevision), idField: 'id', indexes: [], documents: 0 };
}

function found(revision: number, answer: Collection | null): ReadOutcome {
  const result = { type: 'collection', revision: index(revision), collection: answer } as const;
  return { type: 'done', replica: 'r1', result };
}

function setUp() {
  const asked: { readonly query: Query; readonly answer: (outcome: ReadOutcome) => void }[] = [];
  const read = (query: Query) => new Promise<ReadOutcome>((answer) => asked.push({ query, answer }));
  return { asked, definitions: new Definitions({ read }) };
}

test('a definition is asked for once, until it is forgotten', async (t) => {
  const { asked, definitions } = setUp();
  t.is(definitions.kept('c'), null);
  const first = definitions.get('c', 1000);
  asked[0]?.answer(found(9, collection('c', 3)));
  t.deepEqual(await first, collection('c', 3));
  t.deepEqual(await definitions.get('c', 1000), collection('c', 3));
  t.deepEqual(definitions.kept('c'), collection('c', 3));
  t.deepEqual(
    asked.map(({ query }) => query),
    [{ type: 'collection', name: 'c' }],
  );
  definitions.forget('c', index(2));
  t.not(definitions.kept('c'), null, 'a later one is kept');
  definitions.forget('c', index(3));
  t.is(definitions.kept('c'), null);
});

test('an answer that comes late does not take the place of a later definition', async (t) => {
  const { asked, definitions } = setUp();
  const [older, newer, gone] = [1, 2, 3].map(() => definitions.get('c', 1000));
  asked[1]?.answer(found(9, collection('c', 7)));
  await newer;
  asked[0]?.answer(found(5, collection('c', 3)));
  t.is(((await older) as Collection).modRevision, index(3));
  t.is(definitions.kept('c')?.modRevision, index(7));
  asked[2]?.answer(found(6, null));
  t.is((await gone) ?? null, null);
  t.is(definitions.kept('c')?.modRevision, index(7), 'there was none before it was made');
});

test('that there is no collection is asked for each time, and ends what is kept', async (t) => {
  const { asked, definitions } = setUp();
  const [first, second] = [definitions.get('c', 1000), definitions.get('c', 1000)];
  asked[0]?.answer(found(3, collection('c', 3)));
  await first;
  asked[1]?.answer(found(8, null));
  t.is(await second, null);
  t.is(definitions.kept('c'), null);
  void definitions.get('c', 1000);
  t.is(asked.length, 3);
});

test('where nobody answers it is unavailable, and nothing is kept', async (t) => {
  const { asked, definitions } = setUp();
  const answer = definitions.get('c', 1000);
  asked[0]?.answer({ type: 'unavailable' });
  t.true(isUnavailable((await answer) ?? null));
  t.is(definitions.kept('c'), null);
  t.false(isUnavailable(null));
  t.false(isUnavailable(collection('type', 1)));
});

test('a thousand definitions are kept, and of more the newest', async (t) => {
  const read = async (query: Query) => found(5, collection(query.type === 'collection' ? query.name : '', 5));
  const definitions = new Definitions({ read });
  for (let nth = 0; nth <= 1000; nth += 1) await definitions.get(`c${nth}`, 1000);
  t.is(definitions.kept('c0'), null);
  t.not(definitions.kept('c1'), null);
  t.not(definitions.kept('c1000'), null);
});
