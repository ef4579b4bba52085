/** Those who watch: each asks for what comes next, at one gateway after the other, and notes what it is told. */

import { index } from '../../../src/raft/types.ts';
import type { ChangesOutcome, Watched } from '../../../src/store/client.ts';
import type { Services, SimGateway } from '../gateway.ts';
import type { Life } from '../life.ts';
import { ask } from './access.ts';
import { books } from './books.ts';
import type { CatalogOptions } from './clients.ts';
import type { WatchLog } from './operation.ts';

const whatIsWatched: readonly (Watched | null)[] = [
  null,
  { type: 'collection', name: books },
  { type: 'keys', prefix: 'cart/' },
];
const waitMs = 700;
const timeoutMs = 1500;
/** How often the next question goes to another gateway, though this one has answered. */
const moveProbability = 0.1;
const retryMs = 50;

export class CatalogWatches {
  readonly logs: readonly WatchLog[];
  readonly #options: CatalogOptions;
  readonly #lives: readonly Life[];

  constructor(options: CatalogOptions) {
    const { plan, kernel, random } = options;
    this.#options = options;
    this.logs = Array.from({ length: plan.watches }, (_, place) => {
      const watched = random.pick(whatIsWatched);
      return { id: `watch:${place + 1}`, watched, changes: [], through: 0, skip: 0, heard: [] };
    });
    this.#lives = this.logs.map(({ id }) => kernel.startLife(id, 1));
  }

  start(): void {
    const { kernel } = this.#options;
    for (const [place, log] of this.logs.entries()) {
      this.#watch(log, this.#lives[place] as Life).catch((error) => kernel.fail(error));
    }
  }

  async #watch(log: WatchLog, life: Life): Promise<void> {
    const { random, gateways } = this.#options;
    let gateway = random.pick(gateways);
    for (;;) {
      const outcome = await this.#next(log, gateway);
      if (outcome !== 'lost' && outcome.type === 'done') this.#take(log, outcome);
      else await new Promise<void>((resolve) => life.clock.setTimer(retryMs, resolve));
      const isAnswered = outcome !== 'lost' && outcome.type === 'done';
      if (!isAnswered || random.chance(moveProbability)) gateway = random.pick(gateways);
    }
  }

  #next({ watched, through, skip }: WatchLog, gateway: SimGateway): Promise<ChangesOutcome | 'lost'> {
    const { kernel, plan } = this.#options;
    const query = { after: index(through), skip, watched, limit: plan.watchLimit, waitMs };
    const question = ({ client }: Services) => client.changes(query, { timeoutMs });
    return ask<ChangesOutcome>(kernel, gateway, timeoutMs, question);
  }

  #take(log: WatchLog, { result }: Extract<ChangesOutcome, { type: 'done' }>): void {
    const { kernel, probes } = this.#options;
    if (result.type === 'compacted') {
      throw new Error(
        `${log.id} asked for what came after ${log.through}, and all but ${result.compactedRevision} is gone`,
      );
    }
    log.changes.push(...result.changes);
    if (result.skip > 0) probes.sometimes('catalog: a watch breaks off inside a revision');
    if (result.through < log.through)
      throw new Error(`${log.id} was led back from ${log.through} to ${result.through}`);
    log.through = result.through;
    log.skip = result.skip;
    kernel.trace.mix(result.through);
    log.heard.push({ through: result.through, atMs: kernel.now });
  }
}
