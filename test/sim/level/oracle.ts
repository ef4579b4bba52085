/**
 * What must be found on the disk, judged from what clients asked and were told alone. It shares with the product the
 * bytes of a command, and nothing else: results and state are those of a model that replays the log.
 */
import { isDeepStrictEqual } from 'node:util';
import { index } from '../../../src/raft/types.ts';
import type { CommandResult } from '../../../src/store/command.ts';
import { StateModel } from '../../store/state-model.ts';
import { AttemptBook } from './attempts.ts';
import { itemSeen } from './command.ts';
import { lastWords } from './life.ts';
import { agree } from './mismatch.ts';
import type { Found, FoundEntry, LifeLine, Served } from './protocol.ts';

type Read = Extract<LifeLine, { readonly type: 'read' }>;

/** What an undamaged copy of the same directory shows. */
export interface Truth {
  readonly found: Found;
  readonly served: Served;
}

/** What was damaged since the last life; the truth is the disk before that. */
export interface Damaged {
  readonly part: 'log' | 'state';
  readonly truth: Truth;
}

export class Oracle {
  readonly #attempts = new AttemptBook();
  readonly #reads: Read[] = [];
  /** As they were last found: they stay for ever. */
  #entries: readonly FoundEntry[] = [];
  /** As far as anybody was told that the log is committed; a lonely voter commits only what is on its disk. */
  #committed = 0;
  #term = 0;

  get committed(): number {
    return this.#committed;
  }

  /** A life of the directory. */
  live(lines: readonly LifeLine[], damaged: Damaged | null): void {
    this.#attempts.beginLife();
    for (const line of lines) this.#follow(line, damaged);
  }

  /** A life of a copy, which changes nothing for the directory itself; it asked for nothing. */
  check(lines: readonly LifeLine[]): Truth {
    const found = lines.find(({ type }) => type === 'found');
    const served = lines.find(({ type }) => type === 'served');
    agree(found?.type === 'found' && served?.type === 'served', () => `it does not serve: ${lastWords(lines)}`);
    this.#checkWhole(found);
    this.#checkEntries(found.entries);
    this.#checkServed(served, found.entries);
    return { found, served };
  }

  #follow(line: LifeLine, damaged: Damaged | null): void {
    switch (line.type) {
      case 'found':
        this.#found(line, damaged);
        return;
      case 'served':
        this.#checkServed(line, this.#entries);
        if (damaged !== null) checkDigest(line, damaged.truth, this.#entries);
        this.#term = Math.max(this.#term, line.term);
        this.#committed = Math.max(this.#committed, line.revision);
        return;
      case 'asked':
        this.#attempts.asked(line);
        return;
      case 'answered':
        this.#attempts.answered(line);
        this.#committed = Math.max(this.#committed, line.commitIndex);
        return;
      case 'read':
        this.#reads.push(line);
        this.#committed = Math.max(this.#committed, line.revision);
        return;
      case 'opening':
      case 'judged':
      case 'refused':
      case 'failed':
      case 'aborted':
      case 'closed':
        return;
    }
  }

  #found(found: Found, damaged: Damaged | null): void {
    agree(found.currentTerm >= this.#term, () => `term ${found.currentTerm} comes after term ${this.#term}`);
    if (found.claim !== null) {
      agree(damaged?.part === 'log', () => 'it is RECOVERING although nothing happened to its log');
      this.#checkRecovering(found, damaged.truth.found.entries);
      return;
    }
    if (damaged?.part === 'log') this.#checkKept(found.entries, damaged.truth.found.entries);
    else this.#checkWhole(found);
    this.#checkEntries(found.entries);
    this.#entries = found.entries;
    this.#term = Math.max(this.#term, found.currentTerm);
  }

  /** Nothing happened to the log: all that was ever found is there, and nothing is said of damage. */
  #checkWhole({ claim, entries, notes }: Found): void {
    agree(claim === null, () => 'it is RECOVERING although nothing happened to it');
    const complaint = notes.find(({ message }) => message.includes('log was damaged'));
    agree(complaint === undefined, () => `it complains of an undamaged log: ${complaint?.message}`);
    checkPrefix(this.#entries, entries);
    agree(
      entries.length >= this.#committed,
      () => `the log ends at ${entries.length}, ${this.#committed} was committed`,
    );
  }

  /** Damage that it calls harmless: a batch that nobody was told of may be gone, nothing else. */
  #checkKept(kept: readonly FoundEntry[], truth: readonly FoundEntry[]): void {
    checkPrefix(kept, truth);
    agree(
      kept.length >= this.#committed,
      () => `it believes in a log that ends at ${kept.length}, ${this.#committed} was committed`,
    );
  }

  #checkRecovering({ claim, entries }: Found, truth: readonly FoundEntry[]): void {
    checkPrefix(entries, truth);
    const committed = idAt(truth, this.#committed);
    const last = idAt(truth, truth.length);
    const kept = idAt(entries, entries.length);
    const says = `it claims ${show(claim)}, keeps up to ${show(kept)}`;
    agree(claim !== null && !isAbove(committed, claim), () => `${says}, but ${show(committed)} was committed`);
    agree(!isAbove(claim, last), () => `${says}, but the log ended at ${show(last)}`);
    agree(isAbove(claim, kept), () => `${says}, which reaches the claim`);
  }

  /** Every entry is one that somebody asked for, as often as it was asked; and they explain every answer and read. */
  #checkEntries(entries: readonly FoundEntry[]): void {
    const results = new Map<string, CommandResult[]>();
    const reads = Map.groupBy(this.#reads, ({ revision }) => revision);
    this.#replay(entries, (at, name, result, model) => {
      if (name !== null && result !== null) results.set(name, [...(results.get(name) ?? []), result]);
      for (const read of reads.get(at) ?? []) checkRead(read, model);
    });
    for (const [name, { command, sent, results: answers }] of this.#attempts.all) {
      const found = results.get(name) ?? [];
      agree(
        found.length <= sent,
        () => `${describe(command)} was sent ${sent} times, the log has it ${found.length} times`,
      );
      for (const answer of answers) {
        const explained = found.some((result) => isDeepStrictEqual(result, answer));
        agree(
          explained,
          () => `${describe(command)} was answered ${JSON.stringify(answer)}, the log says ${JSON.stringify(found)}`,
        );
      }
    }
  }

  #checkServed({ revision, items }: Served, entries: readonly FoundEntry[]): void {
    agree(revision > entries.length, () => `it serves revision ${revision} of a log that ended at ${entries.length}`);
    const expected = this.#replay(entries, () => {})
      .list('', null)
      .map(itemSeen);
    for (const [position, item] of expected.entries()) {
      const served = items[position];
      agree(
        isDeepStrictEqual(served, item),
        () => `it serves ${JSON.stringify(served)} where the log says ${JSON.stringify(item)}`,
      );
    }
    agree(items.length === expected.length, () => `it serves ${items.length} keys, the log says ${expected.length}`);
  }

  #replay(
    entries: readonly FoundEntry[],
    visit: (at: number, name: string | null, result: CommandResult | null, model: StateModel) => void,
  ): StateModel {
    const model = new StateModel();
    for (const [position, { fingerprint: name }] of entries.entries()) {
      const at = position + 1;
      const attempts = name === null ? undefined : this.#attempts.get(name);
      agree(name === null || attempts !== undefined, () => `entry ${at} holds bytes that nobody sent`);
      visit(at, name, attempts === undefined ? null : model.apply(attempts.command, index(at)), model);
    }
    return model;
  }
}

interface Id {
  readonly term: number;
  readonly index: number;
}

function idAt(entries: readonly FoundEntry[], at: number): Id {
  return { term: entries[at - 1]?.term ?? 0, index: at };
}

function isAbove(a: Id, b: Id): boolean {
  return a.term !== b.term ? a.term > b.term : a.index > b.index;
}

function show(id: Id | null): string {
  return id === null ? 'nothing' : `(${id.term}, ${id.index})`;
}

function checkPrefix(prefix: readonly FoundEntry[], whole: readonly FoundEntry[]): void {
  agree(prefix.length <= whole.length, () => `the log had ${prefix.length} entries, and has ${whole.length}`);
  for (const [position, entry] of prefix.entries()) {
    const other = whole[position];
    agree(
      other?.term === entry.term && other.fingerprint === entry.fingerprint,
      () => `entry ${position + 1} is not what it was: ${JSON.stringify([entry, other])}`,
    );
  }
}

function checkRead({ key, revision, item }: Read, model: StateModel): void {
  const stored = model.keys.get(key);
  const expected = stored === undefined ? null : itemSeen(stored);
  agree(
    isDeepStrictEqual(item, expected),
    () => `at revision ${revision} it answered ${JSON.stringify(item)}, the log says ${JSON.stringify(expected)}`,
  );
}

/** Sessions and their kept results count too: the digest stands for all of the state. */
function checkDigest({ stateDigest }: Served, { found, served }: Truth, entries: readonly FoundEntry[]): void {
  if (commandsIn(entries) !== commandsIn(found.entries)) return;
  agree(
    stateDigest === served.stateDigest,
    () => `the state sums up to ${stateDigest}, undamaged to ${served.stateDigest}`,
  );
}

function commandsIn(entries: readonly FoundEntry[]): number {
  return entries.filter(({ fingerprint: name }) => name !== null).length;
}

function describe(command: { readonly type: string; readonly key?: string; readonly stamp?: object }): string {
  return `${command.type} ${command.key ?? ''} ${JSON.stringify(command.stamp ?? {})}`;
}
