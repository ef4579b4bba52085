/**
 * A page of documentation as something that can be run: its commands in order, and what the page says they print.
 * CONTRIBUTING has the conventions.
 */

import { repository } from '../cluster/child.ts';

/** `line` counts from 1, and is that of the opening fence. */
export interface Block {
  readonly line: number;
  readonly text: string;
}

export interface Printed extends Block {
  readonly form: PrintedForm;
}

export type PrintedForm = 'text' | 'http' | 'json';

export interface Command extends Block {
  /** A script for the shell, or a program for Node.js. */
  readonly language: 'sh' | 'ts';
  /** Null where the page does not show it; it must then succeed, its requests too. */
  readonly prints: Printed | null;
}

export type Step =
  /** What the page begins with where its reader needs more than `npm start`; the flags are for `bazar dev`. */
  | { readonly type: 'start'; readonly line: number; readonly flags: readonly string[] }
  | ({ readonly type: 'run' } & Command)
  /** Runs on beside those that follow. */
  | ({ readonly type: 'begin'; readonly terminal: string } & Command)
  /** The terminal has printed this by now. */
  | ({ readonly type: 'shows'; readonly terminal: string } & Printed)
  | ({ readonly type: 'notRun'; readonly reason: string } & Command);

interface Fence extends Block {
  readonly language: string;
  /** The comment before it. */
  readonly mark: Mark | null;
}

type Mark = { readonly type: 'notRun'; readonly reason: string } | { readonly type: 'terminal'; readonly name: string };

/** Throws an Error that names the line where the page keeps to no convention. */
export function stepsOf(page: string): readonly Step[] {
  const steps: Step[] = [];
  for (const fence of fencesOf(page)) {
    const { language } = fence;
    if (isPrinted(language)) addPrinted(steps, fence, language);
    else if (fence.text.startsWith('npm start')) addStart(steps, fence);
    else if (isCommand(language)) steps.push(commandOf(fence, language));
    else if (shells.includes(language)) throw at(fence, `expected "sh" as the language of commands, got "${language}"`);
    else if (fence.mark !== null) throw at(fence, 'a block that is neither run nor printed needs no mark');
  }
  return steps;
}

/** As it can be run and compiled here, where the package is not installed. */
export function programOf(text: string): string {
  return text.replaceAll("from 'bazar'", `from '${repository}src/client.ts'`);
}

const shells = ['bash', 'console', 'shell', 'shell-session', 'zsh', 'typescript'];

const isCommand = (language: string): language is Command['language'] => language === 'sh' || language === 'ts';

const isPrinted = (language: string): language is PrintedForm => ['text', 'http', 'json'].includes(language);

function commandOf({ line, text, mark }: Fence, language: Command['language']): Step {
  const command = { line, text, language, prints: null };
  if (mark === null) return { type: 'run', ...command };
  if (mark.type === 'notRun') return { type: 'notRun', reason: mark.reason, ...command };
  return { type: 'begin', terminal: mark.name, ...command };
}

function addStart(steps: Step[], fence: Fence): void {
  const [, flags] = /^npm start -- (.+)\n$/.exec(fence.text) ?? [];
  if (flags === undefined) throw at(fence, 'expected "npm start -- FLAGS" and nothing else');
  if (steps.length > 0) throw at(fence, 'the cluster runs already: start it in the first block');
  steps.push({ type: 'start', line: fence.line, flags: flags.split(' ') });
}

function addPrinted(steps: Step[], fence: Fence, form: PrintedForm): void {
  const { line, text, mark } = fence;
  const printed: Printed = { line, text, form };
  if (mark?.type === 'terminal') {
    if (!steps.some((step) => step.type === 'begin' && step.terminal === mark.name)) {
      throw at(fence, `nothing was begun in a terminal "${mark.name}"`);
    }
    steps.push({ type: 'shows', terminal: mark.name, ...printed });
    return;
  }
  if (mark !== null) throw at(fence, 'what is printed is held against what is run: mark the commands');
  const last = steps.at(-1);
  if (last === undefined || last.type === 'start' || last.type === 'shows')
    throw at(fence, 'there is no command before it that could print this');
  if (last.prints !== null) throw at(fence, `the command in line ${last.line} prints line ${last.prints.line} already`);
  steps[steps.length - 1] = { ...last, prints: printed };
}

function fencesOf(page: string): readonly Fence[] {
  const fences: Fence[] = [];
  let mark: { readonly line: number; readonly mark: Mark } | null = null;
  let open: { readonly line: number; readonly language: string; readonly lines: string[] } | null = null;
  for (const [position, text] of page.split('\n').entries()) {
    const line = position + 1;
    if (open !== null) {
      if (text !== '```') open.lines.push(text);
      else {
        const { lines, ...rest } = open;
        fences.push({ ...rest, text: `${lines.join('\n')}\n`, mark: mark?.mark ?? null });
        open = null;
        mark = null;
      }
    } else if (text.startsWith('```')) {
      open = { line, language: text.slice(3).trim(), lines: [] };
    } else if (/^\s+```/.test(text)) {
      throw new Error(`line ${line}: a block begins at the beginning of its line`);
    } else if (text.startsWith('<!--')) {
      mark = { line, mark: markOf(text, line) };
    } else if (text.trim() !== '' && mark !== null) {
      throw new Error(`line ${mark.line}: a mark stands right before its block`);
    }
  }
  if (open !== null) throw new Error(`line ${open.line}: the block has no end`);
  if (mark !== null) throw new Error(`line ${mark.line}: a mark stands right before its block`);
  return fences;
}

function markOf(text: string, line: number): Mark {
  const [, kind, rest = ''] = /^<!-- (not run|terminal): (.+) -->$/.exec(text) ?? [];
  if (kind === 'not run') return { type: 'notRun', reason: rest };
  if (kind === 'terminal') return { type: 'terminal', name: rest };
  throw new Error(`line ${line}: expected <!-- not run: REASON --> or <!-- terminal: NAME -->, got ${text}`);
}

function at({ line }: Block, problem: string): Error {
  return new Error(`line ${line}: ${problem}`);
}
