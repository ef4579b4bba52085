/** Whatever is read, stated and tried again: writes come to what they come to one after another, in the order of their revisions. */
import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { type Json, type JsonObject, mergePatch } from '../../../src/store/json.ts';
import { createRandom } from '../../store/random.ts';
import { documentOf, startShop } from './writes-fixture.ts';

type Model = Map<string, JsonObject>;

interface Done {
  readonly revision: number;
  readonly apply: (model: Model) => void;
}

const ids = ['1', '2'];
const topics = ['a', 'b', 'c'];

for (const seed of [2, 4, 5]) {
  test(`many writers of few documents lose nothing (seed ${seed})`, async (t) => {
    const { ask, store } = await startShop(t);
    const { below, pick } = createRandom(seed);
    const dawdle = async () => {
      for (let left = below(6); left > 0; left -= 1) await turn();
      return null;
    };
    store.beforeWrite = dawdle;
    store.beforeRead = dawdle;
    const done: Done[] = [];

    const write = async (nth: number) => {
      const id = nth < ids.length ? `${nth + 1}` : pick(ids);
      const gateway = below(2) === 0 ? 0 : 1;
      const path = `/v1/collections/books/items/${id}?timeout=60s`;
      // Few are put or deleted: what was lost before that cannot be seen any more.
      const kind = nth < ids.length ? 0 : below(40);
      const note = { [`n${nth}`]: nth };
      const changes: JsonObject = below(2) === 0 ? { ...note, topic: pick(topics) } : note;
      if (kind >= 12) {
        const { status, json } = await ask('PATCH', path, changes, { gateway });
        if (status === 404) return;
        t.is(status, 200);
        done.push({ revision: json.revision, apply: merged(id, changes) });
      } else if (kind === 0) {
        const document = { id, stock: 0, ...changes };
        const { status, json } = await ask('PUT', path, document, { gateway });
        t.true(status === 200 || status === 201);
        done.push({ revision: json.revision, apply: (model) => model.set(id, document) });
      } else if (kind > 1) {
        const then = [{ op: 'add', collection: 'books', id, field: 'stock', amount: 1 }];
        const { status, json } = await ask('POST', '/v1/txn?timeout=60s', { then }, { gateway });
        if (status === 409) return;
        const apply = (model: Model) => merged(id, { stock: json.results[0].sum })(model);
        done.push({ revision: json.revision, apply });
      } else {
        const { status, json } = await ask('DELETE', path, undefined, { gateway });
        if (status === 404) return;
        done.push({ revision: json.revision, apply: (model) => model.delete(id) });
      }
    };

    for (let round = 0; round < 6; round += 1) {
      await Promise.all(Array.from({ length: 12 }, (_, nth) => write(12 * round + nth)));
    }
    const model: Model = new Map();
    for (const { apply } of done.toSorted((a, b) => a.revision - b.revision)) apply(model);
    t.is(new Set(done.map(({ revision }) => revision)).size, done.length);
    for (const id of ids) t.deepEqual((await documentOf(ask, id))?.document ?? null, model.get(id) ?? null);
    // Some have met each other.
    t.true(store.writes.length > done.length);
  });
}

function merged(id: string, patch: Json) {
  return (model: Model) => void model.set(id, mergePatch(model.get(id), patch) as JsonObject);
}
