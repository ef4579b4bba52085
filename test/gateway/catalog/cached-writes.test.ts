/** Writes that come over HTTP end the cached answers that they change, and as few others as can be told apart. */
import test from 'ava';
import { setUp } from './fixture.ts';

const items = '/v1/collections/books/items';

const searches = [
  'topic=distributed+systems&fields=id,title',
  'topic=undergraduate+school&fields=id,title',
  'topic=nature&fields=id,title',
  'q=noobs&fields=id',
  'price.lt=35&fields=id',
  'sort=stock&fields=id',
  'fields=id,topic',
  '',
] as const;

const xen = { id: '3', title: 'Xen and the Art of Surviving', topic: 'undergraduate school', price: 30, stock: 9 };

/** `ended`: the places of the searches that the write ends. Those without an exact term end with each document that comes or goes. */
for (const [what, method, path, body, ended] of [
  ['a new document', 'POST', '', { id: '5', title: 'New', topic: 'nature', price: 90 }, [2, 4, 5, 6, 7]],
  ['a new document that is put', 'PUT', '/5', { id: '5', topic: 'else', price: 90 }, [4, 5, 6, 7]],
  ['a topic that moves by a patch', 'PATCH', '/3', { topic: 'nature' }, [1, 2, 6, 7]],
  ['a topic that moves by a put', 'PUT', '/3', { ...xen, topic: 'nature' }, [1, 2, 6, 7]],
  ['a price', 'PATCH', '/3', { price: 31 }, [4, 7]],
  ['a field that is not indexed', 'PATCH', '/3', { note: 'x' }, [7]],
  ['a title', 'PATCH', '/3', { title: 'Xen for Noobs' }, [1, 3, 7]],
  ['a document that goes', 'DELETE', '/2', undefined, [0, 3, 4, 5, 6, 7]],
  ['a document that was not there', 'DELETE', '/9', undefined, []],
] as const) {
  test(`${what} ends the searches it may change`, async (t) => {
    const { ask, search } = await setUp(t, 'lease');
    const find = async (query: string) => {
      const { headers, text } = await search(query);
      return { isHit: /; hit/.test(String(headers['cache-status'])), items: JSON.parse(text).items };
    };
    for (const query of searches) {
      let asked = 1;
      while (!(await find(query)).isHit && asked < 5) asked += 1;
      t.true(asked < 5, query);
    }
    const json = { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body ?? null) };
    await ask(method, `${items}${path}`, body === undefined ? {} : json);
    const left: number[] = [];
    for (const [place, query] of searches.entries()) {
      const found = await find(query);
      if (!found.isHit) left.push(place);
      const fresh = await ask('GET', `${items}?${query}`, { headers: { 'Cache-Control': 'no-cache' } });
      t.deepEqual(found.items, JSON.parse(fresh.text).items, query);
    }
    t.deepEqual(left, [...ended]);
  });
}
