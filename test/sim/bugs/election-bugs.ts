/** Bugs in elections: who may vote, how often, for whom, and when it may be told. */
import type { Mutation } from './planted-bug.ts';

const election = 'src/raft/election.ts';

export const electionBugs: readonly Mutation[] = [
  {
    name: 'vote-leaves-before-it-is-durable',
    harm: 'a voter that crashes votes again in the same term: two leaders, acknowledged writes are lost',
    file: election,
    find: `  if (request.phase === 'preVote') send(state, message, term);
  else sendAfterHardState(state, message);`,
    replace: '  send(state, message, term);',
  },
  {
    name: 'candidate-asks-before-its-own-vote-is-durable',
    harm: 'a candidate that crashes votes for another in the same term: two leaders, acknowledged writes are lost',
    file: election,
    find: 'else sendAfterHardState(state, request);',
    replace: 'else send(state, request);',
  },
  {
    name: 'new-term-is-not-persisted',
    harm: 'a replica that crashes comes back in an older term and votes again: two leaders in a term',
    file: 'src/raft/role.ts',
    find: `  state.votedFor = null;
  state.hardStateVersion++;`,
    replace: '  state.votedFor = null;',
  },
  {
    name: 'vote-is-granted-twice',
    harm: 'two leaders in a term, acknowledged writes are lost',
    file: election,
    find: 'const free = state.votedFor === null || state.votedFor === request.from;',
    replace: 'const free = state.votedFor !== state.id;',
  },
  {
    name: 'pre-votes-count-as-votes',
    harm: 'a candidate leads without a majority of votes: two leaders in a term',
    file: election,
    find: `    if (message.granted && message.term !== state.currentTerm + 1) return;
    if (!message.granted && message.term > state.currentTerm) {
      becomeFollower(state, message.term, null);
      return;
    }
    if (role.name !== 'preCandidate') return;`,
    replace: `    if (!message.granted && message.term > state.currentTerm) {
      becomeFollower(state, message.term, null);
      return;
    }
    if (role.name !== 'preCandidate' && role.name !== 'candidate') return;`,
  },
  {
    name: 'votes-of-an-older-term-count',
    harm: 'a candidate leads by votes that its voters have since given to another',
    file: election,
    find: 'if (message.term !== state.currentTerm) return;\n    votesOfTerm(state)',
    replace: 'votesOfTerm(state)',
  },
  {
    name: 'longer-log-wins-whatever-its-terms',
    harm: 'a leader without committed entries overwrites them: acknowledged writes are lost',
    file: 'src/raft/types.ts',
    find: 'return a.term !== b.term ? a.term > b.term : a.index >= b.index;',
    replace: 'return a.index >= b.index;',
  },
  {
    name: 'claim-is-ignored-in-votes',
    harm: 'a replica whose log lost entries helps to elect a leader without them: acknowledged writes are lost',
    file: 'src/raft/state.ts',
    find: 'return state.claim ?? state.log.last;',
    replace: 'return state.log.last;',
  },
  {
    name: 'recovering-replica-campaigns',
    harm: 'a replica whose log lost entries leads and overwrites them elsewhere',
    file: 'src/raft/role.ts',
    find: 'isVoter(state) && state.claim === null && state.boundElsewhere === null',
    replace: 'isVoter(state) && state.boundElsewhere === null',
  },
  {
    name: 'claim-is-given-up-at-the-first-batch',
    harm: 'a replica whose log lost entries votes and campaigns as if it had them',
    file: 'src/raft/raft.ts',
    find: 'if (state.claim !== null && atLeastAsUpToDate(issued, state.claim)) state.claim = null;',
    replace: 'state.claim = null;',
  },
  {
    name: 'first-election-needs-a-majority-only',
    harm: 'a replica that missed the first election is bound to no directory: wiped, it votes again unnoticed',
    file: election,
    find: 'const decide = state.log.lastIndex === 0 ? unanimousResult : voteResult;',
    replace: 'const decide = voteResult;',
  },
  {
    name: 'wiped-directory-keeps-its-name',
    harm: 'a replica that lost its data votes and counts under its old id: acknowledged writes are lost',
    file: 'src/store/data-directory.ts',
    find: "found.type === 'initialised' ? found.uuid : options.newUuid()",
    replace: "found.type === 'initialised' ? found.uuid : options.replicaId",
  },
  {
    name: 'vote-stickiness-is-gone',
    harm: 'a replica that cannot hear the leader deposes it, again and again',
    file: election,
    find: 'return knownLeader(state) !== null && state.now - state.leaderContactAt < state.constants.electionTimeoutMinMs;',
    replace: 'return false;',
  },
];
