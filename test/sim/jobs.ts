/** Processes that run plans, a few at a time. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Plan } from './plan.ts';
import type { SeedReport } from './run-plan.ts';
import type { WorkerAnswer } from './seed-worker.ts';

export interface RunResult {
  readonly report: SeedReport;
  readonly realMs: number;
}

const workerPath = fileURLToPath(new URL('seed-worker.ts', import.meta.url));
/** Real time, for one run: longer takes only what never ends. */
const runMsMax = 120_000;

export class Jobs implements Disposable {
  readonly #path: string;
  readonly #idle: Worker[] = [];
  readonly #all = new Set<Worker>();
  readonly #waiting: ((worker: Worker) => void)[] = [];

  constructor(count: number, path: string = workerPath) {
    this.#path = path;
    for (let job = 0; job < count; job++) this.#add();
  }

  /** As soon as a process is free. Rejects if the simulation itself fails, or never ends. */
  async run(plan: Plan): Promise<RunResult> {
    const worker = this.#idle.pop() ?? (await new Promise<Worker>((resolve) => this.#waiting.push(resolve)));
    try {
      return await worker.run(plan);
    } catch (error) {
      worker.end();
      this.#all.delete(worker);
      this.#add();
      throw error;
    } finally {
      if (this.#all.has(worker)) this.#free(worker);
    }
  }

  [Symbol.dispose](): void {
    for (const worker of this.#all) worker.end();
  }

  #add(): void {
    const worker = new Worker(this.#path);
    this.#all.add(worker);
    this.#free(worker);
  }

  #free(worker: Worker): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(worker);
    else next(worker);
  }
}

class Worker {
  readonly #process: ChildProcess;

  constructor(path: string) {
    this.#process = fork(path, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  run(plan: Plan): Promise<RunResult> {
    const child = this.#process;
    const { promise, resolve, reject } = Promise.withResolvers<RunResult>();
    const onMessage = (answer: WorkerAnswer) => {
      if (answer.type === 'report') resolve(answer);
      else reject(new Error(`seed ${plan.seed}: ${answer.message}`));
    };
    const onExit = (code: number | null, signal: string | null) =>
      reject(new Error(`seed ${plan.seed}: its process ended with ${signal ?? `code ${code}`}`));
    const timer = setTimeout(
      () => reject(new Error(`seed ${plan.seed} has not come to an end within ${runMsMax / 1000} s`)),
      runMsMax,
    );
    child.once('message', onMessage);
    child.once('exit', onExit);
    if (child.connected) child.send(plan);
    else onExit(child.exitCode, child.signalCode);
    return promise.finally(() => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
    });
  }

  end(): void {
    this.#process.kill('SIGKILL');
  }
}
