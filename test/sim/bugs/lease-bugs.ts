/** Bugs in leases: in what a leader grants and waits for, and in how long a gateway relies on it. */
import type { Mutation } from './planted-bug.ts';

const constants = 'src/raft/constants.ts';
const election = 'src/raft/election.ts';
const replication = 'src/raft/replication.ts';
const grants = 'src/store/grants.ts';
const invalidator = 'src/store/invalidator.ts';
const questions = 'src/store/lease-questions.ts';
const publishing = 'src/store/publishing.ts';
const lease = 'src/gateway/lease.ts';
const reader = 'src/gateway/cached-reader.ts';
const fetcher = 'src/gateway/fetcher.ts';

const unwarned = 'a gateway that does not hear of a write goes on showing what it replaced';
const deposed = 'a gateway that is cut off with a deposed leader shows what was replaced under the next one';

export const leaseBugs: readonly Mutation[] = [
  {
    name: 'follow-that-comes-late-begins-a-stream',
    harm: unwarned,
    file: invalidator,
    find: 'if (nth <= begun) return;',
    replace: '',
  },
  {
    name: 'release-that-comes-late-counts',
    harm: unwarned,
    file: questions,
    find: 'if (request < this.#newest) return false;',
    replace: 'if (request < this.#newest) return true;',
  },
  {
    name: 'new-leader-does-not-wait-for-leases',
    harm: deposed,
    file: election,
    find: 'publishesFrom: Math.max(...[...votes.values()].filter(({ granted }) => granted).map((vote) => vote.freeAt)),',
    replace: 'publishesFrom: 0,',
  },
  {
    name: 'new-leader-counts-its-own-silence-alone',
    harm: deposed,
    file: election,
    find: 'return { granted, uuid, freeAt: freeAt(state, quietMs) };',
    replace: 'return { granted, uuid, freeAt: 0 };',
  },
  {
    name: 'restarted-voter-says-it-was-always-quiet',
    harm: deposed,
    file: 'src/raft/raft.ts',
    find: 'roundSeenAt: options.now,',
    replace: 'roundSeenAt: options.now - 3600_000,',
  },
  {
    name: 'lease-needs-no-quorum',
    harm: deposed,
    file: invalidator,
    find: 'if (tail.acknowledgedRound !== before?.acknowledgedRound) this.#answer(tail);',
    replace: 'this.#answer({ ...tail, acknowledgedRound: Number.POSITIVE_INFINITY });',
  },
  {
    name: 'round-counts-as-soon-as-it-has-left',
    harm: deposed,
    file: 'src/raft/raft.ts',
    find: 'acknowledged: quorumRound(this.#state, role) };',
    replace: 'acknowledged: role.round };',
  },
  {
    name: 'round-from-before-the-question-proves-it',
    harm: deposed,
    file: questions,
    find: 'round < acknowledgedRound',
    replace: 'round < Number.POSITIVE_INFINITY',
  },
  {
    name: 'question-is-proven-by-the-round-of-an-older-one',
    harm: deposed,
    file: questions,
    find: 'this.#open[last] ?? null;',
    replace: 'last < 0 ? null : (this.#open.at(-1) ?? null);',
  },
  {
    name: 'leases-hold-nothing-back',
    harm: unwarned,
    file: replication,
    find: 'Math.min(state.commitIndex, role.publishLimit)',
    replace: 'state.commitIndex',
  },
  {
    name: 'lease-holds-nothing-back-at-first',
    harm: unwarned,
    file: publishing,
    find: `    // In this turn: from now on nothing above that index is published before it is confirmed.
    this.#update();`,
    replace: '',
  },
  {
    name: 'follower-shows-what-is-held-back',
    harm: 'a value is shown, and then what stood there before it',
    file: replication,
    find: 'Math.min(publishIndex, state.commitIndex)) as Index;',
    replace: 'state.commitIndex) as Index;',
  },
  {
    name: 'renewal-forgets-what-was-not-confirmed',
    harm: unwarned,
    file: grants,
    find: 'const grant = this.#grants.get(holder) ?? {\n      waitsAbove: lastIndex,\n      endsAt: now,',
    replace:
      'const grant: Grant = {\n      waitsAbove: lastIndex,\n      endsAt: this.#grants.get(holder)?.endsAt ?? now,',
  },
  {
    name: 'any-confirmation-is-taken-for-all',
    harm: unwarned,
    file: grants,
    find: 'grant.waitsAbove = through;',
    replace: 'grant.waitsAbove = grant.unconfirmed.at(-1)?.to ?? through;',
  },
  {
    name: 'what-was-sent-counts-as-confirmed',
    harm: unwarned,
    file: grants,
    find: 'else grant.unconfirmed.push({ to, at: now, committedAt: null });',
    replace: 'else grant.waitsAbove = to;',
  },
  {
    name: 'quickest-gateway-confirms-for-all',
    harm: unwarned,
    file: grants,
    find: 'limit = Math.min(limit, waitsAbove);',
    replace: 'limit = limit === Number.POSITIVE_INFINITY ? waitsAbove : Math.max(limit, waitsAbove);',
  },
  {
    name: 'one-gateway-gives-up-the-leases-of-all',
    harm: unwarned,
    file: grants,
    find: 'this.#countWait(holder, grant, now);\n    this.#grants.delete(holder);',
    replace: 'this.#grants.clear();',
  },
  {
    name: 'leader-forgets-a-lease-before-its-end',
    harm: unwarned,
    file: grants,
    find: 'askedAt + leaseMs * (1 + this.#options.leaseMargin)',
    replace: 'askedAt + leaseMs * (0.5 + this.#options.leaseMargin)',
  },
  {
    name: 'lease-of-a-gateway-that-is-gone-never-ends',
    harm: 'no write is answered any more once a gateway has crashed',
    file: grants,
    find: '    for (const [holder, grant] of this.#grants) if (now >= grant.endsAt) this.#end(holder, grant, now);\n',
    replace: '',
  },
  {
    name: 'leases-have-no-margin',
    harm: 'where one clock runs fast and another slowly, a gateway shows what was replaced some milliseconds ago',
    file: constants,
    find: 'leaseMargin: 0.05,',
    replace: 'leaseMargin: 0.0001,',
  },
  {
    name: 'lease-has-no-end',
    harm: unwarned,
    file: lease,
    find: 'Math.max(wallMs, now.at - asked.at) < usableMs',
    replace: 'usableMs > 0',
  },
  {
    name: 'lease-counts-from-when-it-arrived',
    harm: unwarned,
    file: lease,
    find: '[{ term, index, asked, usableMs }, ...this.#held]',
    replace: '[{ term, index, asked: now, usableMs }, ...this.#held]',
  },
  {
    name: 'grant-is-taken-for-the-answer-to-the-newest-request',
    harm: unwarned,
    file: lease,
    find: 'const asked = this.#asked.get(request);',
    replace: 'const asked = [...this.#asked.values()].at(-1);',
  },
  {
    name: 'gateway-looks-at-its-steady-clock-alone',
    harm: 'a gateway whose machine slept shows what was replaced meanwhile',
    file: lease,
    find: 'wallMs >= 0 && Math.max(wallMs, now.at - asked.at) < usableMs',
    replace: 'now.at - asked.at < usableMs',
  },
  {
    name: 'gateway-looks-at-the-clock-on-the-wall-alone',
    harm: 'a gateway whose clock is set back shows what was replaced',
    file: lease,
    find: 'Math.max(wallMs, now.at - asked.at) < usableMs',
    replace: 'wallMs < usableMs',
  },
  {
    name: 'lease-is-used-before-the-position-has-come',
    harm: 'a gateway that missed messages shows what they would have told it of',
    file: lease,
    find: 'held.index <= processed && ',
    replace: '',
  },
  {
    name: 'leased-hit-is-labelled-beyond-what-is-published',
    harm: 'a client takes an old value for a newer one, and goes on from there',
    file: reader,
    find: 'Math.max(coherence.published, kept.index)',
    replace: 'Math.max((coherence as Coherence).processed, kept.index)',
  },
  {
    name: 'joined-fetch-is-proven-by-floors-alone',
    harm: 'a read misses a write that was acknowledged before it was asked',
    file: fetcher,
    find: 'return isAdmitted && lease?.usable === true ?',
    replace: 'return isAdmitted ?',
  },
  {
    name: 'not-modified-is-told-of-any-tag',
    harm: 'a client goes on with a value that was replaced',
    file: 'src/gateway/preconditions.ts',
    find: "return match === '*' || match.includes(revision);",
    replace: "return match === '*' || match.some((tagged) => tagged <= revision);",
  },
];
