/** Bugs in the durable log: what is written, what is believed of it at the start. */
import type { Mutation } from './planted-bug.ts';

const writer = 'src/store/log-writer.ts';
const verdict = 'src/store/boot-verdict.ts';

export const logBugs: readonly Mutation[] = [
  {
    name: 'log-batch-is-not-synced',
    harm: 'a power failure takes acknowledged writes away',
    file: writer,
    find: '      this.#database.batch(operations, { sync: true }),',
    replace: '      this.#database.batch(operations, { sync: false }),',
  },
  {
    name: 'witness-is-not-written',
    harm: 'every restart takes the log for damaged, and one lost row of LevelDB goes unnoticed',
    file: writer,
    find: '      this.#witness.write(bytes),\n',
    replace: '',
  },
  {
    name: 'witness-overwrites-its-newest-slot',
    harm: 'a torn write leaves no record of what was promised: the replica takes its log for damaged',
    file: 'src/store/witness.ts',
    find: '    this.#next = 1 - this.#next;\n',
    replace: '',
  },
  {
    name: 'failed-write-is-ignored',
    harm: 'writes are acknowledged that a failing disk does not hold',
    file: writer,
    find: '    if (failed !== undefined) throw this.#fail(failed.reason);\n',
    replace: '    void failed;\n',
  },
  {
    name: 'truncated-rows-stay',
    harm: 'entries that were replaced come back at a restart',
    file: 'src/store/log-rows.ts',
    find: "  for (let at = head.last.index + 1; at <= endBefore; at++) operations.push({ type: 'delete', key: entryKey(at) });\n",
    replace: '  void endBefore;\n',
  },
  {
    name: 'truncation-in-a-batch-of-its-own',
    harm: 'a crash between two batches leaves a log that its own head does not fit: it is taken for damaged',
    file: writer,
    find: '      this.#database.batch(operations, { sync: true }),',
    replace: `      this.#database
        .batch(operations.filter(({ type }) => type === 'delete'), { sync: true })
        .then(() => this.#database.batch(operations.filter(({ type }) => type === 'put'), { sync: true })),`,
  },
  {
    name: 'vote-is-forgotten-at-restart',
    harm: 'a replica votes twice in a term: two leaders, acknowledged writes are lost',
    file: verdict,
    find: '    votedFor,\n    claim: openClaim(claim, last),',
    replace: '    votedFor: null,\n    claim: openClaim(claim, last),',
  },
  {
    name: 'term-is-rolled-back-at-restart',
    harm: 'a replica votes again in a term that is over',
    file: verdict,
    find: 'return a.currentTerm > b.currentTerm ? a : b;',
    replace: 'return a.currentTerm < b.currentTerm ? a : b;',
  },
  {
    name: 'newest-batch-is-not-taken-from-the-witness',
    harm: 'the last acknowledged writes are gone when LevelDB has lost them',
    file: verdict,
    find: 'meta.generation === generation + 1 ||',
    replace: 'Math.abs(meta.generation - generation) === 1 ||',
  },
  {
    name: 'hole-in-the-log-is-accepted',
    harm: 'a replica that lost entries serves without them',
    file: 'src/store/log-rows.ts',
    find: `    if (entry.index !== next) return yield flaw(\`entry \${next} is missing: entry \${entry.index} is in its place\`);
    // The record is whole, but nobody would find it again.
    if (Buffer.compare(key, entryKey(next)) !== 0) return yield flaw(\`entry \${next} stands under another key\`);
    if (entry.term < term || record.previous !== chainHash) {
      return yield flaw(\`entry \${next} does not follow the one before\`);
    }
`,
    replace: '',
  },
  {
    name: 'entry-under-another-key-is-accepted',
    harm: 'a replica starts with an entry that nobody will find again, and stops when somebody needs it',
    file: 'src/store/log-rows.ts',
    find: 'if (Buffer.compare(key, entryKey(next)) !== 0) return',
    replace: 'if (Buffer.compare(key, entryKey(next)) > 1) return',
  },
  {
    name: 'boot-id-falls-with-a-repair',
    harm: 'a replica whose repair was cut short is not heard by its peers, who take it for an older life',
    file: 'src/store/log-boot.ts',
    find: 'generation: nextGeneration - 1,\n        hardState,',
    replace: 'generation: slots[0]?.head.generation ?? 0,\n        hardState,',
  },
  {
    name: 'damaged-log-makes-no-claim',
    harm: 'a replica whose log lost entries votes and campaigns as if it had them',
    file: verdict,
    find: 'hardState: withClaim(claim, keep),',
    replace: 'hardState: withClaim(null, keep),',
  },
  {
    name: 'claim-is-forgotten-at-restart',
    harm: 'a replica whose log lost entries votes and campaigns as if it had them',
    file: verdict,
    find: 'hardState: withClaim(meta.hardState.claim, meta.last)',
    replace: 'hardState: withClaim(null, meta.last)',
  },
  {
    name: 'replaced-entries-pass-for-the-log',
    harm: 'an old copy of the log with entries that were replaced is believed',
    file: verdict,
    find: 'if (prefix.last.index >= slot.last.index && chainHashAt(slot.last.index) === slot.chainHash) return slot.last;',
    replace: 'if (prefix.last.index >= slot.last.index) return slot.last;',
  },
  {
    name: 'recovering-replica-checks-its-state-against-its-log',
    harm: 'a replica whose log lost entries refuses to start for good, and has to be replaced',
    file: 'src/store/replica.ts',
    find: 'if (hardState.claim !== null || applied.index === 0) return;',
    replace: 'if (applied.index === 0) return;',
  },
  {
    name: 'entries-beyond-the-batch-count-as-issued',
    harm: 'what does not fit into a batch is never written, and everything waits for it',
    file: 'src/raft/log.ts',
    find: 'this.#issuedIndex = (this.#issuedIndex + entries.length) as Index;',
    replace: 'this.#issuedIndex = this.#last.index;',
  },
  {
    name: 'long-slot-is-read-to-its-first-page',
    harm: 'a batch longer than a page is not in the witness at a restart: the replica takes its log for damaged, or itself for lost',
    file: 'src/store/witness.ts',
    find: 'end <= pageBytes ? page : await read(Math.min(roundUp(end), slotBytes))',
    replace: 'page',
  },
];
