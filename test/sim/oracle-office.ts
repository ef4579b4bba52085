/** What a leader may count on: what each life of a follower has told it in its term, that a quorum answers it, its disk. */
import type { AppendEntriesReply } from '../../src/raft/message.ts';
import type { LeaderRole, RaftState } from '../../src/raft/state.ts';
import type { Index, ReplicaId } from '../../src/raft/types.ts';
import { isQuorum } from './oracle-elections.ts';
import { SafetyViolation } from './oracle-violation.ts';

interface Match {
  readonly bootId: number | null;
  readonly matchIndex: Index;
}

/** For what is lost when times are added and subtracted. */
const toleranceMs = 1;

/** One leader's time in office. */
export class Office {
  readonly role: LeaderRole;
  readonly #since: number;
  #heartbeatDueAt: number;
  /** When each follower's newest life last answered in this term. */
  readonly #heard = new Map<ReplicaId, { readonly bootId: number; readonly at: number }>();
  readonly #matches = new Map<ReplicaId, Match>();

  constructor(role: LeaderRole, now: number) {
    this.role = role;
    this.#since = now;
    this.#heartbeatDueAt = role.heartbeatDueAt;
  }

  /** This answer, in its own term, has reached it. */
  heard({ from, bootId }: AppendEntriesReply, now: number): void {
    if (bootId >= (this.#heard.get(from)?.bootId ?? 0)) this.#heard.set(from, { bootId, at: now });
  }

  /** `told`: how much this life of a follower has acknowledged in this term. */
  check(state: Readonly<RaftState>, told: (follower: ReplicaId, bootId: number) => number): void {
    for (const [follower, progress] of this.role.progress) {
      const seen = this.#matches.get(follower);
      if (seen?.matchIndex === progress.matchIndex && seen.bootId === progress.bootId) continue;
      const { bootId, matchIndex } = progress;
      const acknowledged = bootId === null ? 0 : told(follower, bootId);
      if (matchIndex > acknowledged) {
        throw new SafetyViolation(
          'leaders count what was acknowledged',
          `${state.id} leads term ${state.currentTerm} and counts ${follower} as holding ${matchIndex}, ` +
            `which in its life ${bootId} has told of ${acknowledged}`,
        );
      }
      this.#matches.set(follower, { bootId, matchIndex });
    }
    if (this.role.heartbeatDueAt === this.#heartbeatDueAt) return;
    // A heartbeat was due, and it goes on.
    this.#heartbeatDueAt = this.role.heartbeatDueAt;
    const now = this.#heartbeatDueAt - state.constants.heartbeatIntervalMs;
    this.#checkContact(state, now);
    checkDisk(state, now);
  }

  /** §6.2, CheckQuorum. */
  #checkContact({ id, currentTerm, constants, log }: Readonly<RaftState>, now: number): void {
    const silentMs = (voter: ReplicaId) => now - (this.#heard.get(voter)?.at ?? this.#since);
    const boundMs = constants.electionTimeoutMaxMs + toleranceMs;
    if (isQuorum(log.configuration, (voter) => voter === id || silentMs(voter) <= boundMs)) return;
    const others = log.configuration.voters.filter((voter) => voter !== id);
    const told = others.map((voter) => `${voter} for ${silentMs(voter).toFixed(0)} ms`);
    throw new SafetyViolation(
      'leaders are in contact with a quorum',
      `${id} goes on to lead term ${currentTerm}; it has not heard ${told.join(', ')}`,
    );
  }
}

/** A leader that cannot write answers nobody. It looks at every heartbeat: a process that stood still knows of it no sooner. */
function checkDisk({ id, currentTerm, constants, batchInFlight }: Readonly<RaftState>, now: number): void {
  const writingMs = batchInFlight === null ? 0 : now - batchInFlight.issuedAt;
  if (writingMs <= constants.writeTimeoutMs + toleranceMs) return;
  throw new SafetyViolation(
    'leaders have a disk that writes',
    `${id} goes on to lead term ${currentTerm}; its disk has been writing one batch for ${writingMs.toFixed(0)} ms`,
  );
}
