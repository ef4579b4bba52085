/** Bugs in replication: what is acknowledged, counted, truncated and applied. */
import type { Mutation } from './planted-bug.ts';

const replication = 'src/raft/replication.ts';

export const replicationBugs: readonly Mutation[] = [
  {
    name: 'follower-acknowledges-before-it-is-durable',
    harm: 'a write is acknowledged that a power failure takes away',
    file: replication,
    find: 'const matchIndex = Math.min(state.verifiedIndex, state.log.durableIndex) as Index;',
    replace: 'const matchIndex = state.verifiedIndex;',
  },
  {
    name: 'follower-acknowledges-what-is-not-verified',
    harm: "entries of an old leader count for the new one's: acknowledged writes are lost",
    file: replication,
    find: 'const matchIndex = Math.min(state.verifiedIndex, state.log.durableIndex) as Index;',
    replace: 'const matchIndex = state.log.durableIndex;',
  },
  {
    name: 'follower-keeps-what-was-verified-in-an-older-term',
    harm: "entries of an old leader count for the new one's: acknowledged writes are lost",
    file: 'src/raft/role.ts',
    find: '  state.verifiedIndex = 0 as Index;\n',
    replace: '',
  },
  {
    name: 'acknowledgement-leaves-before-its-term-is-durable',
    harm: 'a replica that crashes forgets whom it followed, and helps an older leader',
    file: replication,
    find: "if (state.role.name !== 'follower' || leader === null || state.durableTerm !== state.currentTerm) return;",
    replace: "if (state.role.name !== 'follower' || leader === null) return;",
  },
  {
    name: 'acknowledgements-of-an-older-term-count',
    harm: 'a leader counts entries that its follower has since replaced',
    file: 'src/raft/raft.ts',
    find: "if (message.term < state.currentTerm || state.role.name !== 'leader') return;",
    replace: "if (state.role.name !== 'leader') return;",
  },
  {
    name: 'leader-counts-itself-before-its-own-disk',
    harm: 'a write is acknowledged that one disk less than a majority holds',
    file: replication,
    find: 'voter === state.id ? state.log.durableIndex :',
    replace: 'voter === state.id ? state.log.lastIndex :',
  },
  {
    name: 'entries-of-an-older-term-are-committed-by-counting',
    harm: 'a committed entry is overwritten by a later leader (figure 8 of the Raft paper)',
    file: replication,
    find: 'if (index <= state.commitIndex || state.log.term(index) !== state.currentTerm) return;',
    replace: 'if (index <= state.commitIndex) return;',
  },
  {
    name: 'commit-index-is-not-bounded-by-what-is-verified',
    harm: 'a follower applies entries that were never committed: replicas differ',
    file: replication,
    find: 'Math.min(commitIndex, state.verifiedIndex)',
    replace: 'Math.min(commitIndex, state.log.lastIndex)',
  },
  {
    name: 'conflicting-entries-are-kept',
    harm: 'replicas apply different entries at one index',
    file: replication,
    find: 'entries.findIndex((entry) => !state.log.matches(entry))',
    replace: 'entries.findIndex((entry) => entry.index > state.log.lastIndex)',
  },
  {
    name: 'late-append-cuts-off-what-followed-it',
    harm: 'a late message removes entries that were acknowledged',
    file: replication,
    find: 'if (firstMissing < 0) return;',
    replace: `if (firstMissing < 0) {
    const end = ((entries.at(-1)?.index ?? state.log.lastIndex) + 1) as Index;
    if (end > state.commitIndex && end <= state.log.lastIndex) state.log.truncateFrom(end);
    return;
  }`,
  },
  {
    name: 'deposed-leader-is-followed',
    harm: 'a leader of an older term overwrites committed entries',
    file: replication,
    find: `  if (message.term < state.currentTerm) {
    // Tells a deposed leader, or one that was elected without this replica, of the higher term.
    rejectAppend(state, message);
    return;
  }
`,
    replace: '',
  },
  {
    name: 'new-life-of-a-follower-keeps-its-match',
    harm: 'entries that a follower lost with its disk count as stored there, and are never sent again',
    file: replication,
    find: `beginNewLife(progress, reply.bootId, (state.log.lastIndex + 1) as Index);
    return;`,
    replace: 'progress.bootId = reply.bootId;',
  },
  {
    name: 'truncation-during-a-write-is-ignored',
    harm: 'entries count as durable that the disk does not hold',
    file: 'src/raft/log.ts',
    find: 'Math.max(this.#durableIndex, Math.min(agreed, this.#issuedIndex))',
    replace: 'Math.max(this.#durableIndex, Math.min(issued, this.#last.index))',
  },
  {
    name: 'entries-are-applied-before-they-are-durable',
    harm: 'the state is ahead of its log after a crash: the replica is lost',
    file: 'src/raft/raft.ts',
    find: 'return Math.min(this.#state.publishIndex, this.#state.log.durableIndex) as Index;',
    replace: 'return this.#state.publishIndex;',
  },
  {
    name: 'recovering-replica-trusts-its-applied-index',
    harm: 'a replica whose log lost entries does not start, or stops at the first entry that is sent again',
    file: 'src/raft/raft.ts',
    find: 'hardState.claim === null ? options.appliedIndex : options.log.base.index',
    replace: 'options.appliedIndex',
  },
  {
    name: 'lost-leadership-is-told-as-a-refusal',
    harm: 'a client is told that its write was not done, and it was',
    file: 'src/raft/node.ts',
    find: "const unknownOutcome = { type: 'unknown' } as const;",
    replace: "const unknownOutcome = { type: 'notLeader', leader: null } as const;",
  },
  {
    name: 'leader-goes-on-without-a-quorum',
    harm: 'a leader that is heard and hears nobody keeps the cluster from electing another',
    file: 'src/raft/raft.ts',
    find: 'if (!usable || !quorumIsInContact(state, state.role)) {',
    replace: 'if (!usable) {',
  },
  {
    name: 'leader-goes-on-with-a-disk-that-hangs',
    harm: 'writes wait for a leader that can answer nobody, though another could',
    file: 'src/raft/raft.ts',
    find: 'const usable = state.stateMachineUsable && writingMs <= state.constants.writeTimeoutMs;',
    replace: 'const usable = state.stateMachineUsable;\n    void writingMs;',
  },
  {
    name: 'stuck-window-is-never-probed',
    harm: 'a lost message leaves a follower behind until something else is written',
    file: replication,
    find: '    if (stuck) becomeProbe(progress, (progress.matchIndex + 1) as Index);\n',
    replace: '',
  },
  {
    name: 'laggard-is-fed-from-disk-once',
    harm: 'a follower that is far behind never catches up',
    file: replication,
    find: '  progress.reading = false;\n',
    replace: '',
  },
  {
    name: 'applying-stops-after-a-read-from-disk',
    harm: 'a replica that was restarted never answers again',
    file: 'src/raft/node.ts',
    find: `        this.#readingForApply = false;
        this.#input(() => this.#applyEntries(entries));
`,
    replace: `        this.#input(() => this.#applyEntries(entries));
`,
  },
];
