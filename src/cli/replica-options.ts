/** What can be said of how a replica keeps its state: to `bazar replica`, and to `bazar dev`, which hands it on. */
import { type Kind, longDuration, UsageError, withDefault } from '../config.ts';
import { type HistoryBounds, historyBoundsDefault } from '../store/history.ts';

const changesMaxMax = 100_000_000;

const historyBounds: Kind<HistoryBounds> = {
  placeholder: 'DURATION,CHANGES',
  parse(value) {
    const [, age = '', changes = ''] = /^([^,]*),(\d+)$/.exec(value) ?? [];
    const changesMax = Number(changes);
    if (!(changesMax >= 1 && changesMax <= changesMaxMax)) {
      throw new UsageError(`expected how long and how many changes, at most ${changesMaxMax}, such as 1h,100000`);
    }
    return { ...historyBoundsDefault, ageMsMax: longDuration.parse(age), changesMax };
  },
};

export const history = withDefault(
  historyBounds,
  '1h,100000',
  'How much of what changes is kept for watches: for how long, and how many changes; at most 256 MiB.',
);
