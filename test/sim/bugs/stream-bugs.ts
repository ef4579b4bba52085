/** Bugs in how a gateway follows the leader's log, and in what it is told of it. */
import type { Mutation } from './planted-bug.ts';

const coherence = 'src/gateway/coherence.ts';
const floors = 'src/gateway/floors.ts';
const touch = 'src/store/touch.ts';
const invalidator = 'src/store/invalidator.ts';

export const streamBugs: readonly Mutation[] = [
  {
    name: 'position-counts-what-is-not-published',
    harm: 'a gateway misses what a new leader has in place of what the old one had appended',
    file: coherence,
    find: 'return Math.min(this.#processed, this.#announced);',
    replace: 'return this.#processed;',
  },
  {
    name: 'higher-term-keeps-what-was-processed',
    harm: 'a gateway misses what a new leader has in place of what the old one had appended',
    file: coherence,
    find: '      this.#processed = before;\n',
    replace: '',
  },
  {
    name: 'gap-is-ignored',
    harm: 'a gateway shows what was replaced by a write that it has not heard of',
    file: coherence,
    find: 'if (isGap) this.#floors.raiseBase(from);',
    replace: '',
  },
  {
    name: 'gap-is-covered-up-to-its-beginning-only',
    harm: 'a gateway shows what was replaced by a write that it has not heard of',
    file: coherence,
    find: 'this.#floors.raiseBase(from)',
    replace: 'this.#floors.raiseBase(this.#processed)',
  },
  {
    name: 'floor-is-set-and-not-raised',
    harm: 'a message that comes late lets an older value be shown again',
    file: floors,
    find: 'this.#floors[slot] = Math.max(this.#floors[slot] ?? 0, index);',
    replace: 'this.#floors[slot] = index;',
  },
  {
    name: 'floor-admits-what-was-read-just-below-it',
    harm: 'a value is shown that the next entry of the log replaced',
    file: floors,
    find: 'if (index < (this.#floors',
    replace: 'if (index + 1 < (this.#floors',
  },
  {
    name: 'base-floor-is-not-asked',
    harm: 'a gateway that missed messages shows what was replaced',
    file: floors,
    find: '    if (index < this.#base) return false;\n',
    replace: '',
  },
  {
    name: 'delete-touches-nothing',
    harm: 'a key that was deleted goes on being shown',
    file: touch,
    find: `    case 'put':
    case 'delete':
      return touchesOfKey(command.key);`,
    replace: `    case 'put':
      return touchesOfKey(command.key);
    case 'delete':
      return nothing;`,
  },
  {
    name: 'deeper-prefixes-are-not-touched',
    harm: 'a list goes on without what was added to it',
    file: touch,
    find: 'while (touches.length <= prefixDepthMax) {',
    replace: 'while (touches.length <= 1) {',
  },
  {
    name: 'prefix-is-hashed-without-what-stands-before-it',
    harm: 'a list goes on without what was added to it',
    file: touch,
    find: 'crc = crc32(key.slice(start, end), crc);',
    replace: 'crc = crc32(key.slice(start, end), ofPrefixes);',
  },
  {
    name: 'first-entry-of-a-message-is-left-out',
    harm: 'a gateway shows what was replaced',
    file: invalidator,
    find: 'tail.entries((from + 1) as Index, tail.lastIndex)',
    replace: 'tail.entries((from + 1) as Index, tail.lastIndex)?.slice(1) ?? null',
  },
  {
    name: 'stream-does-not-tell-what-it-resumes-over',
    harm: 'a gateway that was without a stream for a while shows what was replaced meanwhile',
    file: invalidator,
    find: 'accepts ? this.#resumed(tail, published) : null',
    replace: 'accepts ? [this.#batch(tail, Math.min(published, tail.lastIndex) as Index, tail.lastIndex, [])] : null',
  },
  {
    name: 'what-memory-has-forgotten-is-told-as-nothing',
    harm: 'a gateway shows what was replaced',
    file: invalidator,
    find: 'if (entries === null) return null;',
    replace: 'if (entries === null) return [this.#batch(tail, from, tail.lastIndex, [])];',
  },
  {
    name: 'what-is-appended-is-announced-as-published',
    harm: 'a gateway misses what a new leader has in place of what the old one had appended',
    file: invalidator,
    find: 'from, to, publishIndex, touches })',
    replace: 'from, to, publishIndex: Math.max(to, publishIndex), touches })',
  },
];
