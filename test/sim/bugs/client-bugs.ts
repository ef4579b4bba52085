/** Bugs in the client of the store: retries, and what is told of their outcome. */
import type { Mutation } from './planted-bug.ts';

const writer = 'src/store/client-writer.ts';

export const clientBugs: readonly Mutation[] = [
  {
    name: 'retry-has-a-new-sequence',
    harm: 'a write is done twice',
    file: writer,
    find: '    this.#queue.add(write);',
    replace: '    this.#unstamp(write);\n    this.#queue.add(write);',
  },
  {
    name: 'lost-attempt-is-told-as-not-done',
    harm: 'a client is told that its write was not done, and it was',
    file: writer,
    find: 'type: write.mayBeAppended || sent ?',
    replace: 'type: sent ?',
  },
  {
    name: 'attempt-at-the-old-leader-is-forgotten',
    harm: 'a client is told that its write was not done, and it was',
    file: writer,
    find: 'this.#requeue(write, true);',
    replace: 'this.#requeue(write, false);',
  },
  {
    name: 'leader-change-loses-writes-in-flight',
    harm: 'a write waits for its deadline, and its client is told that it was not done',
    file: writer,
    find: '      for (const write of batch.writes) this.#requeue(write, true);\n',
    replace: '',
  },
  {
    name: 'session-is-opened-once-only',
    harm: 'a gateway whose first attempt failed takes no writes until it is restarted',
    file: writer,
    find: '      this.#openingSession = false;\n',
    replace: '',
  },
];
