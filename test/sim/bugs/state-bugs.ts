/** Bugs in the replicated state and its sessions. */
import type { Mutation } from './planted-bug.ts';

const machine = 'src/store/state-machine.ts';
const session = 'src/store/session.ts';

export const stateBugs: readonly Mutation[] = [
  {
    name: 'applied-index-is-written-without-its-rows',
    harm: 'a crash between two batches loses acknowledged writes on this replica',
    file: machine,
    find: 'await this.#store.batch(operations, { sync: this.#options.syncWrites });',
    replace: `const isOwn = ({ key }: WriteOperation) => key[0] === 0x61 || key[0] === 0x62;
      await this.#store.batch(operations.filter(isOwn), { sync: true });
      await this.#store.batch(operations.filter((operation) => !isOwn(operation)), { sync: true });`,
  },
  {
    name: 'rows-of-the-state-are-not-summed-up',
    harm: 'a value whose row stands under a damaged key is gone, and nobody notices',
    file: 'src/store/state-directory.ts',
    find: 'if (digest !== applied.digest) {',
    replace: 'if (digest < 0n) {',
  },
  {
    name: 'writes-are-evaluated-against-the-disk',
    harm: 'conditions are judged by old revisions, and replicas differ',
    file: 'src/store/rows.ts',
    find: 'this.#pending.get(name) ?? this.#writing?.get(name)',
    replace: 'this.#pending.get(name)',
  },
  {
    name: 'digest-keeps-deleted-rows',
    harm: 'replicas in the same state seem to differ',
    file: machine,
    find: 'this.#digest = digestAfter(this.#digest, previousChecksum, row?.checksum ?? noChecksum);',
    replace: 'if (row !== null) this.#digest = digestAfter(this.#digest, previousChecksum, row.checksum);',
  },
  {
    name: 'results-are-not-kept',
    harm: 'a write that is sent again is done again',
    file: 'src/store/evaluator.ts',
    find: '    this.#sessions.keep(command.stamp, result);\n',
    replace: '',
  },
  {
    name: 'results-are-forgotten-at-restart',
    harm: 'a write that is sent again is done again, on some replicas',
    file: session,
    find: `      session.blocks.set(number, block);
      this.#results += block.kept;`,
    replace: '',
  },
  {
    name: 'result-is-dropped-too-early',
    harm: 'a write that is sent again is done again',
    file: session,
    find: 'slotOf(lowestUnanswered) : blockSequences',
    replace: 'slotOf(lowestUnanswered) + 1 : blockSequences',
  },
  {
    name: 'write-is-done-again-once-its-result-is-gone',
    harm: 'a write that comes late for the second time is done again, over what was written since',
    file: session,
    find: "    if (sequence < session.lowestUnanswered) return { type: 'expired' };\n",
    replace: '',
  },
  {
    name: 'damaged-rows-refuse-the-start',
    harm: 'a replica whose state has a damaged row never starts again',
    file: 'src/store/state-directory.ts',
    find: `    await store.close();
    if (isDamage(error)) return { type: 'damaged', reason: innermostMessage(error) };
`,
    replace: `    await store.close();
`,
  },
];
