/** A store in memory behind gateways that answer as the real ones do; some writes are done unsaid, or late, or not at all. */
import { setImmediate as turn } from 'node:timers/promises';
import type { HttpAnswer, HttpClient, RequestOptions } from '../cluster/http-client.ts';
import { compareKeys } from '../history/key-order.ts';
import type { SeededRandom } from '../sim/random.ts';
import type { Gateway } from './clients.ts';

interface Stored {
  readonly value: string;
  readonly modRevision: number;
  readonly version: number;
}

/** Of the writes: those whose outcome nobody is told. */
const unknownShare = 0.3;

export class FakeStore {
  readonly #random: SeededRandom;
  readonly #items = new Map<string, Stored>();
  #revision = 0;
  /** What gets are answered from instead; null: from what is there. */
  #frozen: ReadonlyMap<string, Stored> | null = null;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** From now on gets show what was there at this moment. */
  freeze(): void {
    this.#frozen = new Map(this.#items);
  }

  async answer(method: string, path: string, { headers = {}, body }: RequestOptions): Promise<HttpAnswer> {
    await this.#delay();
    const { pathname, searchParams } = new URL(path, 'http://gateway');
    const key = decodeURIComponent(pathname.slice('/v1/kv/'.length));
    if (method === 'GET') {
      const answer = searchParams.has('prefix') ? this.#list(searchParams) : this.#get(key);
      await this.#delay();
      return answer;
    }
    const write = () => (method === 'PUT' ? this.#put(key, `${body}`, headers) : this.#delete(key, headers));
    if (this.#random.chance(unknownShare)) {
      if (this.#random.chance(0.6)) void this.#delay(40).then(write);
      return jsonAnswer(504, { outcome: 'unknown' });
    }
    const answer = write();
    await this.#delay();
    return answer;
  }

  async #delay(turnsMax = 6): Promise<void> {
    for (let left = this.#random.integer(0, turnsMax); left > 0; left -= 1) await turn();
  }

  #get(key: string): HttpAnswer {
    const item = (this.#frozen ?? this.#items).get(key);
    const headers = { 'bazar-revision': `${this.#revision}`, 'cache-status': 'bazar; hit; detail=validated' };
    if (item === undefined) return { status: 404, headers, body: Buffer.alloc(0) };
    return { status: 200, headers: { ...headers, etag: `"${item.modRevision}"` }, body: Buffer.from(item.value) };
  }

  #list(parameters: URLSearchParams): HttpAnswer {
    const limit = Number(parameters.get('limit'));
    const all = [...this.#items]
      .filter(([key]) => key.startsWith(parameters.get('prefix') ?? ''))
      .sort(([a], [b]) => compareKeys(a, b))
      .map(([key, item]) => ({ key, ...item }));
    const items = all.slice(0, limit);
    return jsonAnswer(200, { revision: this.#revision, items, cursor: all.length > limit ? 'more' : null });
  }

  #put(key: string, value: string, headers: Headers): HttpAnswer {
    const current = this.#items.get(key);
    if (!holds(headers, current)) return failed(current);
    this.#revision += 1;
    const item = { value, modRevision: this.#revision, version: (current?.version ?? 0) + 1 };
    this.#items.set(key, item);
    const { modRevision: revision, version } = item;
    return jsonAnswer(version === 1 ? 201 : 200, { revision, version });
  }

  #delete(key: string, headers: Headers): HttpAnswer {
    const current = this.#items.get(key);
    if (!holds(headers, current)) return failed(current);
    if (!this.#items.delete(key)) return jsonAnswer(404, { outcome: 'not_applied' });
    this.#revision += 1;
    return jsonAnswer(200, { revision: this.#revision });
  }
}

type Headers = NonNullable<RequestOptions['headers']> | readonly string[];

/** One of its gateways; `onPut` hears every value that is put here. */
export function fakeGateway(id: string, store: FakeStore, onPut: (value: string) => void): Gateway {
  const unused = () => {
    throw new Error('clients of a partition run only use request');
  };
  const client: HttpClient = {
    ...{ url: `http://${id}`, get: unused, put: unused, delete: unused, list: unused, close: () => {} },
    async request(method, path, options = {}) {
      if (method === 'PUT') onPut(`${options.body}`);
      return await store.answer(method, path, options);
    },
  };
  return { id, client };
}

function holds(headers: Headers, current: Stored | undefined): boolean {
  if ('if-none-match' in headers) return current === undefined;
  return !('if-match' in headers) || (current !== undefined && headers['if-match'] === `"${current.modRevision}"`);
}

function failed(current: Stored | undefined): HttpAnswer {
  const headers = current === undefined ? {} : { etag: `"${current.modRevision}"` };
  return { status: 412, headers, body: Buffer.alloc(0) };
}

function jsonAnswer(status: number, body: unknown): HttpAnswer {
  return { status, headers: {}, body: Buffer.from(JSON.stringify(body)) };
}
