/** Bugs in what a gateway keeps, proves and gives again. */
import type { Mutation } from './planted-bug.ts';

const reader = 'src/gateway/cached-reader.ts';
const fetcher = 'src/gateway/fetcher.ts';
const questions = 'src/gateway/questions.ts';
const validator = 'src/gateway/validator.ts';

export const cacheBugs: readonly Mutation[] = [
  {
    name: 'hit-is-given-below-a-floor',
    harm: 'a value is shown that was replaced long ago, for as long as it is kept',
    file: reader,
    find: '=> this.#options.coherence.admits(index, touches);',
    replace: '=> index > 0 && touches.length >= 0;',
  },
  {
    name: 'hit-is-not-proven',
    harm: 'a gateway that was paused, or cut off, shows what was replaced meanwhile',
    file: reader,
    find: 'const provenTo = await validator.validate();',
    replace: 'const provenTo = validator === null ? null : this.#options.coherence.published;',
  },
  {
    name: 'floors-are-asked-before-the-proof',
    harm: 'a read misses a write that was acknowledged before it was asked',
    file: reader,
    find: `    const provenTo = await validator.validate();
    if (provenTo === null) return null;
    // The floors are asked in this turn, and know of everything up to here.
    const entry = cache.get(name, clock.now(), this.#isCurrent);
    if (entry === null) return null;`,
    replace: `    const entry = cache.get(name, clock.now(), this.#isCurrent);
    if (entry === null) return null;
    const provenTo = await validator.validate();
    if (provenTo === null) return null;`,
  },
  {
    name: 'hit-is-labelled-as-it-was-fetched',
    harm: 'a client takes what stands there now for something older, and goes on from there',
    file: reader,
    find: 'Math.max(provenTo, entry.index)',
    replace: 'entry.index',
  },
  {
    name: 'index-is-noted-after-the-value-was-read',
    harm: 'what was read before a write is kept as if it had been read after it',
    file: fetcher,
    find: `if (!coherence.admits(answer.revision, touches)) return 'belowFloor';
    const index = answer.revision;`,
    replace: `const index = Math.max(answer.revision, coherence.published) as Result['revision'];
    if (!coherence.admits(index, touches)) return 'belowFloor';`,
  },
  {
    name: 'value-is-kept-without-a-touch',
    harm: 'a value is shown that was replaced long ago',
    file: questions,
    find: 'keyName(key), touchOfKey(key));',
    replace: "keyName(key), touchOfKey('another'));",
  },
  {
    name: 'absence-is-kept-without-a-touch',
    harm: 'a key that was created goes on being absent',
    file: fetcher,
    find: 'kind, touches, index, storedAtMs',
    replace: "kind, touches: kind === 'absence' ? [] : touches, index, storedAtMs",
  },
  {
    name: 'list-is-kept-without-a-touch',
    harm: 'a list goes on without what was added to it',
    file: questions,
    find: 'listName(query), touchOfPrefix(query.prefix));',
    replace: "listName(query), touchOfPrefix('another/'));",
  },
  {
    name: 'any-list-is-kept',
    harm: 'a list of a prefix that no write touches is never found to be out of date',
    file: reader,
    find: '!isCacheablePrefix(query.prefix)',
    replace: "!isCacheablePrefix('any/')",
  },
  {
    name: 'list-is-kept-without-its-cursor',
    harm: 'an export shows its first page for all others',
    file: 'src/gateway/cache/entry.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the product's text
    find: "${after ?? ''}",
    replace: '',
  },
  {
    name: 'list-is-kept-without-its-limit',
    harm: 'a client that asks for one item gets a hundred',
    file: 'src/gateway/cache/entry.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the product's text
    find: '${prefix}${limit}',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the product's text
    replace: '${prefix}',
  },
  {
    name: 'answer-to-head-is-kept',
    harm: 'a value is shown as empty',
    file: questions,
    find: 'plainQuestion(withValue ? query : { ...query, withValue: true }, keyName',
    replace: 'plainQuestion({ ...query, withValue }, keyName',
  },
  {
    name: 'joined-fetch-is-not-proven',
    harm: 'a read misses a write that was acknowledged before it was asked',
    file: fetcher,
    find: 'return isAdmitted && lease?.usable === true ? at(coherence.published, true) : null;',
    replace: 'return at(revision, false);',
  },
  {
    name: 'joined-fetch-asks-no-leader',
    harm: 'a read misses a write that was acknowledged before it was asked',
    file: fetcher,
    find: 'asksNobody ? null : client.readIndex(Math.min(timeoutMs, validationMsMax))',
    replace: 'asksNobody ? null : coherence.published',
  },
  {
    name: 'joined-fetch-does-not-wait-for-the-position',
    harm: 'a read misses a write that was acknowledged before it was asked',
    file: fetcher,
    find: '(coherence.published >= index && isAdmitted)',
    replace: 'isAdmitted',
  },
  {
    name: 'joined-fetch-keeps-its-label',
    harm: 'a client takes what stands there now for something older, and goes on from there',
    file: fetcher,
    find: 'Math.max(revision, provenTo) as',
    replace: 'revision as',
  },
  {
    name: 'fetch-that-began-last-is-taken-for-a-later-one',
    harm: 'a read misses a write that was acknowledged before it was asked',
    file: fetcher,
    find: 'flight.number > begun',
    replace: 'flight.number >= begun',
  },
  {
    name: 'no-cache-is-not-heard',
    harm: 'who asks for a replica to be asked is answered from memory',
    file: reader,
    find: '!onlyIfCached && (noCache || noStore)',
    replace: '!onlyIfCached && noStore && noCache !== undefined',
  },
  {
    name: 'proof-is-shared-with-whoever-asks-until-it-comes',
    harm: 'a read misses a write that was acknowledged before it was asked',
    file: validator,
    find: `        this.#next = null;
        resolve(this.#prove());`,
    replace: `        resolve(this.#prove().finally(() => {
          this.#next = null;
        }));`,
  },
  {
    name: 'proof-is-good-for-some-milliseconds',
    harm: 'a read misses a write that was acknowledged before it was asked',
    file: validator,
    find: '        this.#next = null;\n',
    replace: '        this.#options.clock.setTimer(20, () => { this.#next = null; });\n',
  },
  {
    name: 'position-is-not-waited-for',
    harm: 'a gateway that is behind shows what was replaced',
    file: validator,
    find: 'if (index <= published() || (await this.#reached(index))) {',
    replace: 'if (index <= published() || this.#waiting.size >= 0) {',
  },
  {
    name: 'position-that-does-not-come-is-taken-for-reached',
    harm: 'a gateway that is cut off from its stream shows what was replaced',
    file: validator,
    find: 'setTimer(positionMs, () => settle(false))',
    replace: 'setTimer(positionMs, () => settle(true))',
  },
  {
    name: 'any-advance-is-taken-for-enough',
    harm: 'a gateway that is behind shows what was replaced',
    file: validator,
    find: 'if (index <= published) settle(true);',
    replace: 'if (index >= 0 && published >= 0) settle(true);',
  },
  {
    name: 'leader-confirms-an-index-without-a-round',
    harm: 'a gateway that still reaches a deposed leader shows what was replaced',
    file: 'src/raft/node.ts',
    find: "    return new Promise((resolve) => this.#ask(timeoutMs, 'index', resolve));",
    replace: `    const { role, publishIndex } = this.#raft.inspect;
    if (role.name === 'leader') return Promise.resolve(publishIndex);
    return new Promise((resolve) => this.#ask(timeoutMs, 'index', resolve));`,
  },
];
