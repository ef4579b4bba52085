/** What watches do, for metrics. */
import type { WatchGauges } from '../../metrics.ts';
import type { ChangesOutcome } from '../../store/client.ts';

type Mutable<Counts> = { -readonly [Name in keyof Counts]: Counts[Name] };
export type WatchForm = keyof WatchGauges['watchers'];
export type WatchEnd = keyof WatchGauges['ends'];

export class WatchCounts implements WatchGauges {
  readonly watchers: Mutable<WatchGauges['watchers']> = { sse: 0, ndjson: 0, longPoll: 0 };
  readonly ends: Mutable<WatchGauges['ends']> = { left: 0, slow: 0, compacted: 0, closing: 0 };
  readonly polls = {
    tail: { found: 0, nothing: 0, compacted: 0, unavailable: 0 },
    page: { found: 0, nothing: 0, compacted: 0, unavailable: 0 },
  };
  changes = 0;

  /** `tail`: for all that are at the head; `page`: for one that is behind. */
  polled(by: 'tail' | 'page', outcome: ChangesOutcome): void {
    const polls = this.polls[by];
    if (outcome.type === 'unavailable') polls.unavailable += 1;
    else if (outcome.result.type === 'compacted') polls.compacted += 1;
    else if (outcome.result.changes.length > 0) polls.found += 1;
    else polls.nothing += 1;
  }

  began(form: WatchForm): void {
    this.watchers[form] += 1;
  }

  ended(form: WatchForm, end: WatchEnd): void {
    this.watchers[form] -= 1;
    this.ends[end] += 1;
  }
}
