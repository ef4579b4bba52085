/** Runs one life of the replica as a process, to the end it is meant to have. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { LifeLine, LifeOrders } from './protocol.ts';

export type Ending =
  /** Killed so long after it began to open its directory, or had judged its log. */
  | { readonly type: 'killedStarting'; readonly after: 'opening' | 'judged'; readonly microseconds: number }
  /** Killed, or told to close, after so many answers and a little more; or when it waits for the others to recover. */
  | { readonly type: 'killedWorking' | 'closed'; readonly answers: number; readonly microseconds: number }
  | { readonly type: 'byItself' };

export interface LifeOptions {
  readonly orders: LifeOrders;
  readonly ending: Ending;
  /** Words before the command line. */
  readonly prefix: readonly string[];
  /** Where compiled code is kept: a process starts in a third of the time. */
  readonly compileCache: string;
}

const program = fileURLToPath(new URL('replica-process.ts', import.meta.url));
const silenceMsMax = 30_000;

/** All it said. Rejects if it falls silent, or ends in a way that it did not announce. */
export async function runLife({ orders, ending, prefix, compileCache }: LifeOptions): Promise<readonly LifeLine[]> {
  const [file = '', ...args] = [...prefix, process.execPath, program, JSON.stringify(orders)];
  const child = spawn(file, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
  });
  const exited = once(child, 'exit');
  const lines: LifeLine[] = [];
  let answers = 0;
  let isEnding = false;
  let isSilent = false;
  const end = () => {
    isEnding = true;
    spin(ending.type === 'byItself' ? 0 : ending.microseconds);
    if (ending.type === 'closed') child.stdin.end();
    else child.kill('SIGKILL');
  };
  const silence = setTimeout(() => {
    isSilent = true;
    child.kill('SIGKILL');
  }, silenceMsMax);
  for await (const text of createInterface(child.stdout)) {
    silence.refresh();
    const line: LifeLine = JSON.parse(text);
    lines.push(line);
    if (line.type === 'answered') answers++;
    if (!isEnding && endsAt(ending, line, answers)) end();
  }
  const [code, signal] = await exited;
  clearTimeout(silence);
  if (isSilent) throw new Error(`the replica said nothing for ${silenceMsMax} ms; ${lastWords(lines)}`);
  if (signal === 'SIGABRT') lines.push({ type: 'aborted' });
  const last = lines.at(-1)?.type;
  const announced = last === 'closed' || last === 'refused' || last === 'failed' || last === 'aborted';
  if (!announced && !(isEnding && signal === 'SIGKILL')) {
    throw new Error(`the replica ended by ${signal ?? `code ${code}`} without a word; ${lastWords(lines)}`);
  }
  return lines;
}

/** How a life ended, in its own words. */
export function lastWords(lines: readonly LifeLine[]): string {
  const last = lines.at(-1);
  if (last?.type === 'refused' || last?.type === 'failed') return `it ${last.type}: ${last.code}: ${last.reason}`;
  return `the last it told was ${last?.type ?? 'nothing'}`;
}

function endsAt(ending: Ending, line: LifeLine, answers: number): boolean {
  switch (ending.type) {
    case 'killedStarting':
      return line.type === ending.after;
    case 'killedWorking':
    case 'closed':
      if (line.type === 'found') return line.claim !== null;
      return line.type === 'answered' && answers >= ending.answers;
    case 'byItself':
      return false;
  }
}

/** The moments in the middle of a batch are too short for a timer to hit. */
function spin(microseconds: number): void {
  const end = performance.now() + microseconds / 1000;
  while (performance.now() < end);
}
