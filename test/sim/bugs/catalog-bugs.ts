/** Bugs in transactions, documents, lifetimes and watches; seeds of the catalog find them. */
import type { Mutation } from './planted-bug.ts';

const evaluator = 'src/store/evaluator.ts';
const evaluation = 'src/store/evaluation.ts';
const documentTouch = 'src/store/document-touch.ts';
const time = 'src/store/cluster-time.ts';
const history = 'src/store/history.ts';
const machine = 'src/store/state-machine.ts';
const committer = 'src/gateway/catalog/committer.ts';

export const catalogBugs: readonly Mutation[] = [
  {
    name: 'answer-of-a-request-is-not-kept',
    harm: 'a purchase that is asked for again is done again',
    file: evaluator,
    find: '      this.#keep(idempotency.key, { expiresAtMs, fingerprint: idempotency.fingerprint, result });\n',
    replace: '',
  },
  {
    name: 'answers-are-forgotten-at-restart',
    harm: 'after a restart a purchase that is asked for again is done again, on some replicas',
    file: evaluator,
    find: '    const record = idempotency && this.#rows.get(recordTable, idempotency.key);\n',
    replace: `    const life = this as unknown as { remembered?: Set<string> };
    life.remembered ??= new Set<string>();
    const isRemembered = idempotency !== null && life.remembered.has(idempotency.key);
    if (idempotency !== null) life.remembered.add(idempotency.key);
    const record = isRemembered ? this.#rows.get(recordTable, idempotency.key) : null;
`,
  },
  {
    name: 'write-of-unknown-outcome-is-made-again',
    harm: 'a change is made twice, under two numbers of its session',
    file: committer,
    find: `      const outcome = await this.#propose(transaction, idempotency, deadlineAt);
      if (outcome.type !== 'done') return outcome;
      const { result, replica } = outcome;
      if (result.type === 'transaction') return { type: 'done', result, replica };
      if (!`,
    replace: `      const outcome = await this.#propose(transaction, idempotency, deadlineAt - 100);
      if (outcome.type === 'unknown' && deadlineAt > this.#options.clock.now()) continue;
      if (outcome.type !== 'done') return outcome;
      const { result, replica } = outcome;
      if (result.type === 'transaction') return { type: 'done', result, replica };
      if (!`,
  },
  {
    name: 'failed-transaction-is-done-up-to-where-it-failed',
    harm: 'an order is there without its purchase',
    file: evaluation,
    find: "    if (typeof done === 'string') return { type: 'failed', reason: done, branch, operation: nth };",
    replace: `    if (typeof done === 'string') {
      if (edits.length === 0) return { type: 'failed', reason: done, branch, operation: nth };
      break;
    }`,
  },
  {
    name: 'index-rows-are-written-in-a-batch-of-their-own',
    harm: 'a crash leaves documents that no search finds',
    file: machine,
    find: '      await this.#store.batch(operations, { sync: this.#options.syncWrites });',
    replace: `      const isOfIndex = ({ key }: WriteOperation) => key[0] === 0x69;
      await this.#store.batch(operations.filter((operation) => !isOfIndex(operation)), { sync: true });
      await this.#store.batch(operations.filter(isOfIndex), { sync: true });`,
  },
  {
    name: 'old-index-rows-stay',
    harm: 'a search finds documents by what they had before',
    file: evaluator,
    find: '        if (!fresh.has(term)) this.#rows.set(postingTable, { place, posting: { term, id } }, null);\n',
    replace: '',
  },
  {
    name: 'patch-leaves-terms-of-what-it-takes-away',
    harm: 'a search finds documents by a field that they have no more',
    file: evaluation,
    find: `  const kept = withoutFields(before, after.named, collection);
  const terms = withFieldTerms(kept, stated, collection.indexes);`,
    replace: `  const some = stated.filter((one) => one.terms.length > 0);
  const terms = withFieldTerms(before.terms, some, collection.indexes);`,
  },
  {
    name: 'builder-reads-an-older-snapshot',
    harm: 'a document that was written just before an index was defined is in it nowhere',
    file: 'src/store/duties.ts',
    find: '    if (collection.modRevision > last.index) continue;\n',
    replace: '',
  },
  {
    name: 'new-document-is-no-new-member',
    harm: 'a kept search goes on without a document that was added',
    file: documentTouch,
    find: '  if (known.revision === 0) return [touchOfMembers(collection), ...touchesOfTerms(collection, terms)];',
    replace: '  if (known.revision === 0) return touchesOfTerms(collection, terms);',
  },
  {
    name: 'new-document-does-not-touch-its-terms',
    harm: 'a kept search for a term goes on without a document that was added',
    file: documentTouch,
    find: '  if (known.revision === 0) return [touchOfMembers(collection), ...touchesOfTerms(collection, terms)];',
    replace: '  if (known.revision === 0) return [touchOfMembers(collection)];',
  },
  {
    name: 'change-that-knows-nothing-touches-no-search-for-a-term',
    harm: 'a kept search goes on showing a document that has become another',
    file: documentTouch,
    find: '    touchOfBlindChange(collection, field),\n    touchOfField',
    replace: '    touchOfField',
  },
  {
    name: 'search-is-kept-without-what-it-shows',
    harm: 'a kept search goes on showing documents as they were',
    file: 'src/gateway/questions.ts',
    find: '[...new Set([...touches, ...touchesOfShown(search, answer.ids)])]',
    replace: 'touches',
  },
  {
    name: 'what-expires-touches-no-search',
    harm: 'a kept search goes on showing a document whose time is over',
    file: 'src/store/touch.ts',
    find: 'touchOfDocument(target.collection, target.id), touchOfCollection(target.collection)];',
    replace: 'touchOfDocument(target.collection, target.id)];',
  },
  {
    name: 'time-is-that-on-the-wall-of-each-leader',
    harm: 'a lock ends before its time when another replica leads',
    file: time,
    find: '    return timeMs + Math.max(0, Math.floor(this.#clock.now() - this.#state.stampSeenAt));',
    replace: '    return Math.max(timeMs, Math.floor(this.#clock.wallNow()));',
  },
  {
    name: 'tick-ends-what-was-renewed',
    harm: 'a lock ends though its holder has renewed it in time',
    file: evaluator,
    find: `    if (stored?.modRevision !== modRevision) return false;
    const endsAtMs = stored.expiresAtMs ?? Number.POSITIVE_INFINITY;
    return endsAtMs <= this.#clock.timeMs;`,
    replace: '    return stored !== null && modRevision > 0;',
  },
  {
    name: 'changes-in-one-group-with-a-new-term-are-not-told',
    harm: 'whoever watches misses what was done at a change of leaders',
    file: machine,
    find: 'this.#history.add(this.#evaluator.takeChanges(), ',
    replace: `this.#history.add(
        entries.some(({ type }) => type === 'noop') ? this.#evaluator.takeChanges().slice(0, 0) : this.#evaluator.takeChanges(),
        `,
  },
  {
    name: 'watch-goes-on-behind-a-revision-that-a-page-breaks',
    harm: 'whoever watches misses changes of large transactions',
    file: history,
    find: '        this.#full = { through: index(change.revision - 1), skip: isInside ? change.place : 0 };',
    replace: '        this.#full = { through: isInside ? change.revision : index(change.revision - 1), skip: 0 };',
  },
  {
    name: 'watch-is-told-again-what-stands-before-a-break',
    harm: 'whoever watches is told changes of large transactions twice',
    file: history,
    find: 'skip: isInside ? change.place : 0 };',
    replace: 'skip: 0 };',
  },
];
