/** Bugs in linearizable reads. */
import type { Mutation } from './planted-bug.ts';

const read = 'src/raft/read.ts';

export const readBugs: readonly Mutation[] = [
  {
    name: 'stale-read-says-it-is-of-this-moment',
    harm: 'a client takes a value for current that was replaced long ago',
    file: 'src/store/client-stale-reader.ts',
    find: 'ageMs === null ? null : ageMs + tookMs',
    replace: 'ageMs === null ? null : tookMs',
  },
  {
    name: 'age-does-not-count-what-the-machine-slept',
    harm: 'a client takes a value for current that was replaced while a replica slept',
    file: 'src/raft/elapsed-clock.ts',
    find: 'this.#sleptMs += aheadMs - this.#wallAheadMs;',
    replace: '',
  },
  {
    name: 'stale-read-does-not-wait-for-the-revision-it-names',
    harm: 'a client does not see its own write',
    file: 'src/store/server.ts',
    find: 'if (!(await node.awaitApplied(minRevision, timeoutMs))) return',
    replace: 'if (minRevision < 0 && !(await node.awaitApplied(minRevision, timeoutMs))) return',
  },
  {
    name: 'read-before-the-term-has-committed',
    harm: 'a new leader answers a read without a write that the old one acknowledged',
    file: read,
    find: '  if (state.publishIndex < role.termStartIndex) return;\n',
    replace: '',
  },
  {
    name: 'read-without-a-round',
    harm: 'a leader that was deposed without knowing answers reads from its old state',
    file: read,
    find: '  if (quorumRound(state, role) < waiting.round) return;\n',
    replace: '',
  },
  {
    name: 'read-by-a-lease-of-twelve-rounds',
    harm: 'a leader that was deposed without knowing answers reads from its old state',
    file: read,
    find: 'if (quorumRound(state, role) < waiting.round) return;',
    replace: 'if (quorumRound(state, role) + 12 < waiting.round) return;',
  },
  {
    name: 'read-by-a-round-that-began-before-it-arrived',
    harm: 'a leader that was deposed without knowing answers reads from its old state',
    file: read,
    find: '  startRound(state, role);\n',
    replace: '',
  },
  {
    name: 'read-joins-the-round-on-its-way',
    harm: 'a read misses a write that was acknowledged before it was asked',
    file: read,
    find: '    state.role.readsWaiting.push({ from, requestId });',
    replace: `    const requests = state.role.readsInRound?.requests ?? state.role.readsWaiting;
    (requests as { from: ReplicaId; requestId: string }[]).push({ from, requestId });`,
  },
  {
    name: 'refusal-of-an-old-append-confirms-a-later-round',
    harm: 'a leader that was deposed without knowing answers reads from its old state',
    file: 'src/raft/replication.ts',
    find: 'round: message.term === state.currentTerm ? message.round : 0,',
    replace: 'round: message.round,',
  },
  {
    name: 'read-questions-share-few-names',
    harm: 'a late answer to an older question satisfies a later one: the read misses acknowledged writes',
    file: 'src/raft/read-questions.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the product's text
    find: '.${++this.#counter}`',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the product's text
    replace: '.${++this.#counter % 4}`',
  },
  {
    name: 'read-does-not-wait-for-the-state',
    harm: 'a replica that is behind answers without writes that were acknowledged',
    file: 'src/raft/read-questions.ts',
    find: 'const satisfied = readIndex <= this.#options.stateMachine.applied.index;',
    replace: 'const satisfied = readIndex >= 0;',
  },
  {
    name: 'read-counts-what-is-not-written-yet',
    harm: 'a read misses a write that was acknowledged before it was asked',
    file: 'src/store/state-machine.ts',
    find: '      await this.#store.batch(operations, { sync: this.#options.syncWrites });\n',
    replace: `      this.#applied = applied;
      await this.#store.batch(operations, { sync: this.#options.syncWrites });
`,
  },
  {
    name: 'revision-of-a-read-is-newer-than-its-row',
    harm: 'a client takes an old value for a newer one, and goes on from there',
    file: 'src/store/state-machine.ts',
    find: 'getItem(snapshot, query, readApplied(snapshot).last.index)',
    replace: 'getItem(snapshot, query, this.appliedInMemory.index)',
  },
  {
    name: 'get-beside-a-batch-takes-no-snapshot',
    harm: 'a read bears an older revision than what it shows',
    file: 'src/store/state-machine.ts',
    find: 'if (this.#writing === null) return this.#read',
    replace: 'if (this.#failure === null) return this.#read',
  },
  {
    name: 'revision-of-a-list-is-newer-than-its-rows',
    harm: 'a client that follows a list misses writes',
    file: 'src/store/state-machine.ts',
    find: 'answer(reader, query, readApplied(reader).last.index)',
    replace: 'answer(reader, query, this.appliedInMemory.index)',
  },
  {
    name: 'list-says-it-is-all',
    harm: 'an export ends after its first page',
    file: 'src/store/state-queries.ts',
    find: 'reader.iterate({ ...range, limit: limit + 1 })',
    replace: 'reader.iterate({ ...range, limit })',
  },
  {
    name: 'pinned-read-goes-anywhere',
    harm: 'a client that asks one replica is answered by another',
    file: 'src/store/client-reader.ts',
    find: 'const read: PendingRead = { query, deadlineAt, pinned, settle,',
    replace: 'const read: PendingRead = { query, deadlineAt, pinned: null, settle,',
  },
];
