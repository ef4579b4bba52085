/**
 * A store of one process with the semantics of the real one, and a scripted outcome where a test wants another.
 */
import {
  type ChangesOutcome,
  type ChangesQuery,
  type Collection,
  type FollowedStream,
  type KeyValue,
  noPrecondition,
  type Precondition,
  type Query,
  type QueryResult,
  type ReadBalance,
  type ReadOptions,
  type ReadOutcome,
  type ReplicaView,
  type RevisionMatch,
  type StoreClient,
  type Write,
  type WriteOutcome,
  type WriteType,
} from '../../src/store/client.ts';

type Index = QueryResult['revision'];
type ReplicaStatus = NonNullable<ReplicaView['status']>;
type DoneResult = Extract<WriteOutcome, { type: 'done' }>['result'];

export type KeyWrite = Extract<Write, { type: 'put' | 'delete' }>;

export class FakeClient implements StoreClient {
  /** What reached the store, in order. */
  readonly writes: { readonly write: Write; readonly timeoutMs: number }[] = [];
  readonly reads: (ReadOptions & { readonly query: Query })[] = [];
  /** Instead of the store's own answer. */
  writeOutcome: WriteOutcome | Promise<WriteOutcome> | null = null;
  readOutcome: ReadOutcome | Promise<ReadOutcome> | null = null;
  /** What answers questions for changes; nobody does if it is null. */
  history: Pick<StoreClient, 'changes'> | null = null;
  /** How old the answer of a stale read may be. */
  staleMs: number | null = 0;
  leaderId: string | null = 'r1';
  views: readonly ReplicaView[] = ['r1', 'r2', 'r3'].map((id, at) => replicaView(id, at + 1));
  readonly #items = new Map<string, KeyValue & { readonly value: Uint8Array }>();
  #revision = 0;
  #turn = 0;

  write<Type extends WriteType>(
    write: Extract<Write, { readonly type: Type }>,
    timeoutMs: number,
  ): Promise<WriteOutcome<Type>> {
    return this.writeKey(keyWriteOf(write), timeoutMs) as Promise<WriteOutcome<Type>>;
  }

  protected async writeKey(write: KeyWrite, timeoutMs: number): Promise<WriteOutcome> {
    this.writes.push({ write, timeoutMs });
    if (this.writeOutcome !== null) return this.writeOutcome;
    this.#revision += 1;
    return { type: 'done', result: this.#apply(write, this.#revision as Index), replica: 'r1' };
  }

  async read(query: Query, options: ReadOptions): Promise<ReadOutcome> {
    this.reads.push({ query, ...options });
    if (this.readOutcome !== null) return this.readOutcome;
    const known = this.views.map((view) => view.id);
    const replica = options.replica ?? known[this.#turn++ % known.length];
    if (replica === undefined || !known.includes(replica)) return { type: 'unknownReplica', known };
    const outcome = { type: 'done', result: this.#answer(query), replica } as const;
    return options.consistency === 'stale' ? { ...outcome, staleMs: this.staleMs } : outcome;
  }

  async readIndex(): Promise<Index> {
    return this.#revision as Index;
  }

  async changes(query: ChangesQuery, options: { readonly timeoutMs: number }): Promise<ChangesOutcome> {
    return this.history === null ? { type: 'unavailable' } : this.history.changes(query, options);
  }

  follow(): FollowedStream {
    return { live: false, behind() {}, renew() {}, confirm() {}, release() {} };
  }

  replicas(): readonly ReplicaView[] {
    return this.views;
  }

  balance(): ReadBalance {
    const replicas = this.views.map(({ id, healthy }) => {
      return { id, healthy, inFlight: 0, ejected: false, ejections: 0, latencyMs: null };
    });
    return { policy: 'round_robin', replicas, retries: 0, retriesRefused: 0 };
  }

  leader(): string | null {
    return this.leaderId;
  }

  async close(): Promise<void> {}

  #apply(write: KeyWrite, revision: Index): DoneResult {
    const item = this.#items.get(write.key);
    if (!holds(write.precondition, item?.modRevision ?? 0)) {
      return { type: 'preconditionFailed', revision: item?.modRevision ?? 0 };
    }
    if (write.type === 'delete') {
      return this.#items.delete(write.key) ? { type: 'deleted', revision } : { type: 'notFound' };
    }
    const version = (item?.version ?? 0) + 1;
    this.#items.set(write.key, {
      key: write.key,
      createRevision: item?.createRevision ?? revision,
      modRevision: revision,
      version,
      contentType: write.contentType,
      sizeBytes: write.value.byteLength,
      value: write.value,
    });
    return { type: 'put', revision, version, created: item === undefined };
  }

  #answer(query: Query): QueryResult {
    const revision = this.#revision as Index;
    switch (query.type) {
      case 'get': {
        const item = this.#items.get(query.key);
        return { type: 'get', revision, item: item === undefined ? null : query.withValue ? item : bare(item) };
      }
      case 'list':
        return this.#list(query, revision);
      case 'document':
        return { type: 'document', revision, hasCollection: true, document: null };
      case 'search': {
        const result = { type: 'found', documents: [], next: null, count: null } as const;
        return { type: 'search', revision, result };
      }
      case 'collection':
        return { type: 'collection', revision, collection: emptyCollection(query.name) };
      case 'collections':
        return { type: 'collections', revision, collections: [emptyCollection('books')] };
      case 'digests':
        return { type: 'digests', revision, digests: [{ revision, digest: '00c0ffee00c0ffee' }] };
      case 'transaction':
        throw new Error('this store knows no transactions');
    }
  }

  #list(query: Extract<Query, { type: 'list' }>, revision: Index): QueryResult {
    const after = query.after;
    const following = [...this.#items.values()]
      .filter((item) => item.key.startsWith(query.prefix))
      .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
      .filter((item) => after === null || Buffer.compare(Buffer.from(item.key), Buffer.from(after)) > 0);
    const items = following.slice(0, query.limit).map((item) => (query.keysOnly ? bare(item) : item));
    return { type: 'list', revision, items, more: following.length > items.length };
  }
}

/** All that this store knows of documents: there are none. */
function emptyCollection(name: string): Collection {
  const first = 1 as Index;
  return { name, number: first, modRevision: first, idField: 'id', indexes: [], documents: 0 };
}

/** This store writes keys alone. */
export function keyWriteOf(write: Write): KeyWrite {
  if (write.type === 'put' || write.type === 'delete') return write;
  throw new Error(`this store knows keys alone, and no ${write.type}`);
}

export function putOf(key: string, value: string): KeyWrite {
  return {
    type: 'put',
    key,
    value: Buffer.from(value),
    contentType: 'text/plain',
    precondition: noPrecondition,
  };
}

function bare({ value, ...item }: KeyValue): KeyValue {
  return item;
}

function holds({ ifMatch, ifNoneMatch }: Precondition, revision: number): boolean {
  if (ifMatch !== null && !matches(ifMatch, revision)) return false;
  return ifNoneMatch === null || !matches(ifNoneMatch, revision);
}

function matches(match: RevisionMatch, revision: number): boolean {
  return revision > 0 && (match === '*' || match.includes(revision));
}

function replicaView(id: string, at: number): ReplicaView {
  const status = {
    id,
    clusterId: 'a-cluster',
    bootId: 1,
    role: id === 'r1' ? 'leader' : 'follower',
    state: 'normal',
    term: 3,
    leader: 'r1',
    firstIndex: 1,
    lastIndex: 10,
    commitIndex: 10 - at,
    publishIndex: 9 - at,
    appliedIndex: 8 - at,
    claimIndex: null,
    leaderChanges: 1,
    stateDigest: 'abcd',
    message: null,
  } as unknown as ReplicaStatus;
  return { id, rpc: `127.0.0.1:${7100 + at}`, http: `127.0.0.1:${7200 + at}`, healthy: true, status };
}
