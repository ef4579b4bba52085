/**
 * Has histories judged while the run goes on, in a thread of its own, and again when the final reads are there.
 * Meanwhile they lie on the disk; those with findings stay there.
 */
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Finding, Operation } from '../history/operation.ts';
import type { KeyGroup } from './keys.ts';

export interface Task {
  /** `part`: of a group that goes on in another. `final`: what is left of a retired one. */
  readonly type: 'retired' | 'part' | 'final';
  readonly name: string;
  /** One operation a line. */
  readonly file: string;
  /** What was there before, as acknowledged puts. */
  readonly opening: readonly Operation[];
  /** All of a group, or the final reads, in the order of their numbers. */
  readonly operations: readonly Operation[];
}

export interface Verdict {
  readonly task: Pick<Task, 'type' | 'name'>;
  readonly findings: readonly Finding[];
  readonly tookMs: number;
}

export interface GroupFinding extends Finding {
  readonly group: string;
}

export interface RetiredGroup {
  readonly name: string;
  readonly keys: readonly string[];
  readonly opening: readonly Operation[];
}

export class Checker implements AsyncDisposable {
  /** Those whose keys nobody asks for any more. */
  readonly groups: RetiredGroup[] = [];
  #findings: readonly GroupFinding[] = [];
  #operations = 0;
  #checked = 0;
  #longestMs = 0;
  readonly #directory: string;
  readonly #worker = new Worker(new URL('./check-worker.ts', import.meta.url));
  readonly #pending = new Map<string, PromiseWithResolvers<void>>();
  readonly #failed = Promise.withResolvers<never>();

  private constructor(directory: string) {
    this.#directory = directory;
    this.#failed.promise.catch(() => {});
    this.#worker.on('message', (verdict: Verdict) => this.#judged(verdict));
    this.#worker.on('error', (error) => this.#failed.reject(error));
  }

  /** The directory must not be there yet. */
  static async start(directory: string): Promise<Checker> {
    await mkdir(directory);
    return new Checker(directory);
  }

  get findings(): readonly GroupFinding[] {
    return this.#findings;
  }

  /** What was handed over and has not been judged. */
  get waiting(): number {
    return this.#pending.size;
  }

  /** Groups, and parts of groups, that have been judged at least once. */
  get checked(): number {
    return this.#checked;
  }

  /** Of all groups that were retired. */
  get operations(): number {
    return this.#operations;
  }

  get longestMs(): number {
    return this.#longestMs;
  }

  /** Rejects when the checker itself fails; never resolves. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** The group's operations are forgotten here. `goesOn`: its keys have come into another group. */
  retire(group: KeyGroup, goesOn: boolean): void {
    const { name, keys, opening } = group;
    if (!goesOn) this.groups.push({ name, keys, opening });
    this.#operations += group.recorded;
    const operations = group.operations.splice(0).sort((a, b) => a.number - b.number);
    const type = goesOn ? 'part' : 'retired';
    void this.#post({ type, name, file: this.#file(name), opening, operations });
  }

  /** Resolves when all that was handed over has been judged. */
  async settle(): Promise<void> {
    await Promise.race([Promise.all([...this.#pending.values()].map(({ promise }) => promise)), this.failed]);
  }

  /** Resolves when the whole history of the group has been judged, with the reads that came last. */
  async finish({ name, opening }: RetiredGroup, finalReads: readonly Operation[]): Promise<void> {
    const file = this.#file(name);
    await Promise.race([this.#post({ type: 'final', name, file, opening, operations: finalReads }), this.failed]);
    if (!this.#findings.some(({ group }) => group === name)) await rm(file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  #post(task: Task): Promise<void> {
    const judged = Promise.withResolvers<void>();
    this.#pending.set(`${task.type} ${task.name}`, judged);
    this.#worker.postMessage(task);
    return judged.promise;
  }

  #judged({ task, findings, tookMs }: Verdict): void {
    const { type, name } = task;
    if (type !== 'final') this.#checked += 1;
    this.#longestMs = Math.max(this.#longestMs, tookMs);
    const known = new Set(this.#findings.map(({ group, message }) => `${group} ${message}`));
    const fresh = findings.filter(({ message }) => !known.has(`${name} ${message}`));
    this.#findings = [...this.#findings, ...fresh.map((finding) => ({ ...finding, group: name }))];
    this.#pending.get(`${type} ${name}`)?.resolve();
    this.#pending.delete(`${type} ${name}`);
  }

  #file(name: string): string {
    return path.join(this.#directory, `${name}.jsonl`);
  }
}
