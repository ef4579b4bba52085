import test from 'ava';
import type { Command } from '../../../src/store/command.ts';
import {
  type Touch,
  type Touches,
  touchesOf,
  touchOfBlindChange,
  touchOfCollection,
  touchOfDocument,
  touchOfDocumentField,
  touchOfField,
  touchOfMembers,
  touchOfTerm,
} from '../../../src/store/touch.ts';
import { SeededRandom } from '../../raft/seeded-random.ts';
import { runCatalogModel } from './cached-catalog-model.ts';

for (let first = 1; first <= 20; first += 4) {
  test(`whatever is written, what is kept is what a replica says (seeds ${first} to ${first + 3})`, async (t) => {
    let [hits, joined, answers] = [0, 0, 0];
    for (let seed = first; seed < first + 4; seed += 1) {
      const report = await runCatalogModel(new SeededRandom(seed), 200);
      t.is(report.wrong, null, `seed ${seed}`);
      if (report.wrong !== null) return;
      hits += report.hits;
      joined += report.joined;
      answers += report.answers;
    }
    t.log(`${hits} hits and ${joined} joined of ${answers}`);
    t.true(hits > answers / 5 && joined > answers / 20);
  });
}

const fields = ['id', 'topic', 'title', 'price', 'stock', 'note'];
const ids = ['1', '2', '3', '4', '5', '6'];
const ofFields = (touchOf: (field: string) => Touch) => new Set(fields.map(touchOf));
const terms = ['systems', 'nature', 'art'].map((term) => touchOfTerm('c', 'topic', 'term', term));
const words = ['a', 'b', 'c'].map((word) => touchOfTerm('c', 'title', 'words', word));
const numbers = ['price', 'stock'].flatMap((field) => [0, 1, 2.5].map((at) => touchOfTerm('c', field, 'number', at)));

const kinds: Readonly<Record<string, ReadonlySet<Touch>>> = {
  'c/*': new Set(['c', 'd'].map(touchOfCollection)),
  'c/members': new Set([touchOfMembers('c')]),
  'c/f=t of a text': new Set(terms),
  'c/f=t of words': new Set(words),
  'c/f=t of a number': new Set(numbers),
  'c/f?': ofFields((field) => touchOfBlindChange('c', field)),
  'c/f': ofFields((field) => touchOfField('c', field)),
  'c:id': new Set(ids.map((id) => touchOfDocument('c', id))),
  'c:id.f': new Set(ids.flatMap((id) => fields.map((field) => touchOfDocumentField('c', id, field)))),
};

for (const [kind, left] of Object.entries(kinds)) {
  test(`the model finds out where ${kind} is not touched`, async (t) => {
    const without = (command: Command): Touches => {
      const touches = touchesOf(command);
      return touches === 'everything' ? touches : touches.filter((touch) => !left.has(touch));
    };
    for (let seed = 1; seed <= 40; seed += 1) {
      const { wrong } = await runCatalogModel(new SeededRandom(seed), 200, without);
      if (wrong === null) continue;
      t.log(`seed ${seed}: ${wrong.slice(0, 300)}`);
      t.pass();
      return;
    }
    t.fail('it finds nothing');
  });
}
