import type { Clock } from '../../src/raft/interfaces.ts';
import { index } from '../../src/raft/types.ts';
import type { Query } from '../../src/store/command.ts';
import type { ReadReply, ReplicaStatus, StoreRequest } from '../../src/store/protocol.ts';
import type { LinkAnswer } from '../../src/store/replica-link.ts';

/**
 * `lies`: answers a question that nobody asked. `leaderless`: says at once that no leader confirms its reads. `waits`: says
 * so when it has waited for one as long as it may. `unsent`: nothing leaves for it. `hangs`: never answers.
 */
export type Conduct = 'serves' | 'lies' | 'garbled' | 'leaderless' | 'waits' | 'unsent' | 'hangs';

/** A link to a replica that answers by itself. */
export class LiveLink {
  readonly id: string;
  readonly #clock: Clock;
  connected = true;
  healthy = true;
  status: ReplicaStatus | null;
  conduct: Conduct = 'serves';
  /** At once if 0. */
  latencyMs = 0;
  /** Queries, but for probes. */
  reads = 0;
  probes = 0;

  constructor(id: string, clock: Clock, status: ReplicaStatus) {
    this.id = id;
    this.#clock = clock;
    this.status = status;
  }

  request(request: StoreRequest, _operation: string, timeoutMs: number): Promise<LinkAnswer> {
    const queries = request.type === 'read' ? request.queries : [];
    const isProbe = queries.length === 1 && queries[0]?.type === 'get' && queries[0].key === 'probe';
    if (isProbe) this.probes += 1;
    else this.reads += queries.length;
    const waitedMs = this.conduct === 'waits' && request.type === 'read' ? request.timeoutMs : 0;
    const tookMs = this.conduct === 'hangs' ? Number.POSITIVE_INFINITY : waitedMs + this.latencyMs;
    const answer = answerTo(queries, tookMs < timeoutMs ? this.conduct : 'hangs');
    const delayMs = Math.min(tookMs, timeoutMs);
    if (delayMs === 0) return Promise.resolve(answer);
    return new Promise((settle) => this.#clock.setTimer(delayMs, () => settle(answer)));
  }
}

function answerTo(queries: readonly Query[], conduct: Conduct): LinkAnswer {
  switch (conduct) {
    case 'hangs':
      return { type: 'lost' };
    case 'unsent':
      return { type: 'notSent' };
    case 'garbled':
      return { type: 'error', reason: 'the answer could not be decoded' };
    case 'leaderless':
    case 'waits':
      return { type: 'read', replies: queries.map(() => ({ type: 'unavailable' })) };
    case 'lies':
      return { type: 'read', replies: queries.map((): ReadReply => get('another key')) };
    case 'serves':
      return { type: 'read', replies: queries.map((query) => get(query.type === 'get' ? query.key : 'another')) };
  }
}

function get(key: string): ReadReply {
  const revisions = { createRevision: 1, modRevision: 1, version: 1 };
  const value = Buffer.from('value');
  const item = { key, ...revisions, contentType: 'text/plain', sizeBytes: value.length };
  const withValue = key === 'probe' ? item : { ...item, value };
  return { type: 'done', result: { type: 'get', revision: index(1), item: withValue } };
}
