/** Runs a page as its reader would: in a terminal, block by block, in one directory and with what earlier blocks have set. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { unreachable } from '../../src/raft/assert.ts';
import { repository } from '../cluster/child.ts';
import { machinePath } from '../cluster/machine.ts';
import { waitFor } from '../cluster/wait.ts';
import { type Command, type Printed, programOf, type Step } from './page.ts';
import { begunProblem, printedProblem } from './printed.ts';

export interface Place {
  /** An empty directory. */
  readonly directory: string;
  /** What stands on pages, by what it is here; such as 127.0.0.1:8080 and where the gateway listens in fact. */
  readonly names: Readonly<Record<string, string>>;
  readonly environment?: Readonly<Record<string, string>>;
  /** For one command, or until a terminal shows what it should; 20,000 by default. */
  readonly timeoutMs?: number;
}

/** Complaints, each with the page's line; none if the page is right. Goes on after a wrong print, ends at what fails. */
export async function runPage(steps: readonly Step[], place: Place): Promise<readonly string[]> {
  const page = await openPage(place);
  const complaints: string[] = [];
  try {
    for (const step of steps) {
      const problem = await runStep(page, step);
      if (problem === null) continue;
      complaints.push(`line ${step.line}: ${problem.text}`);
      if (problem.isEnd) break;
    }
  } finally {
    for (const terminal of page.terminals.values()) terminal.end();
  }
  return complaints;
}

interface Page extends Place {
  readonly work: string;
  readonly timeoutMs: number;
  readonly terminals: Map<string, Running>;
  /** How many commands have begun. */
  count: number;
}

interface Running {
  readonly ended: Promise<number>;
  ending(): number | null;
  /** As the page would have it: with its names for what is named otherwise here. */
  output(): string;
  /** Kills it, and all that it has started. */
  end(): void;
}

interface Problem {
  readonly text: string;
  readonly isEnd: boolean;
}

async function openPage(place: Place): Promise<Page> {
  const { directory } = place;
  const work = path.join(directory, 'work');
  for (const name of ['work', 'programs', 'lenient', 'strict']) await mkdir(path.join(directory, name));
  const npx = `#!/bin/sh\n[ "$1" = bazar ] || exit 127\nshift\nexec "${process.execPath}" "${repository}bin/bazar.js" "$@"\n`;
  await writeFile(path.join(directory, 'programs', 'npx'), npx, { mode: 0o755 });
  // On a terminal there is no progress to see, and what is printed into a file is what a terminal would show.
  await writeFile(path.join(directory, 'lenient', '.curlrc'), 'silent\nshow-error\n');
  await writeFile(path.join(directory, 'strict', '.curlrc'), 'silent\nshow-error\nfail-with-body\n');
  await writeFile(path.join(directory, 'state'), '');
  return { ...place, work, timeoutMs: place.timeoutMs ?? 20_000, terminals: new Map(), count: 0 };
}

async function runStep(page: Page, step: Step): Promise<Problem | null> {
  switch (step.type) {
    case 'start':
    case 'notRun':
      return null;
    case 'run':
      return await run(page, step);
    case 'begin':
      return await begin(page, step.terminal, step);
    case 'shows':
      return await untilShown(page, step.terminal, step);
    default:
      return unreachable(step);
  }
}

async function run(page: Page, command: Command): Promise<Problem | null> {
  const running = await start(page, command);
  const code = await withTimeout(running, page.timeoutMs);
  const printed = running.output();
  if (code !== 0) {
    const how = code === null ? `did not end within ${page.timeoutMs} ms` : `ended with code ${code}`;
    return { text: `${how}: ${command.text.trim()}\n${printed}`, isEnd: true };
  }
  const problem = command.prints === null ? null : printedProblem(command.prints, printed);
  if (problem === null) return null;
  return { text: `line ${command.prints?.line} is not what is printed: ${problem}\n${printed}`, isEnd: false };
}

async function begin(page: Page, terminal: string, command: Command): Promise<Problem | null> {
  page.terminals.get(terminal)?.end();
  const running = await start(page, command);
  page.terminals.set(terminal, running);
  // Else what comes next might be before it.
  return await untilShown(page, terminal, command.prints ?? { line: command.line, text: '…\n…\n', form: 'text' });
}

async function untilShown(page: Page, terminal: string, printed: Printed): Promise<Problem | null> {
  const running = page.terminals.get(terminal);
  const problem = () => begunProblem(printed, running?.output() ?? '');
  try {
    await waitFor(() => problem() === null || running?.ending() != null, {
      description: `terminal ${terminal}`,
      timeoutMs: page.timeoutMs,
    });
  } catch {
    // What it shows instead says more.
  }
  const found = problem();
  if (found === null) return null;
  return { text: `terminal "${terminal}" does not show this: ${found}\n${running?.output()}`, isEnd: true };
}

async function start(page: Page, command: Command): Promise<Running> {
  const { directory, work } = page;
  page.count += 1;
  const file = path.join(directory, `${page.count}.${command.language}`);
  const outputFile = path.join(directory, `${page.count}.out`);
  await writeFile(file, named(scriptOf(page, command), page.names));
  const output = openSync(outputFile, 'a');
  const isStrict = command.prints === null;
  const child = spawn(command.language === 'sh' ? 'bash' : process.execPath, [file], {
    cwd: work,
    // A group of its own, that can be ended as a whole.
    detached: true,
    stdio: ['ignore', output, output],
    env: {
      HOME: directory,
      PATH: `${path.join(directory, 'programs')}${path.delimiter}${machinePath}`,
      CURL_HOME: path.join(directory, isStrict ? 'strict' : 'lenient'),
      LANG: 'C.UTF-8',
      ...page.environment,
    },
  });
  closeSync(output);
  let code: number | null = null;
  const ended = once(child, 'exit').then(([exitCode]) => {
    code = typeof exitCode === 'number' ? exitCode : 128;
    return code;
  });
  const pagesNames = Object.fromEntries(Object.entries(page.names).map(([onPage, here]) => [here, onPage]));
  return {
    ended,
    ending: () => code,
    output: () => named(readFileSync(outputFile, 'utf8'), pagesNames),
    end() {
      try {
        process.kill(-(child.pid ?? 0), 'SIGKILL');
      } catch {
        // All of it has ended.
      }
    },
  };
}

/** What one block sets, those after it find. */
function scriptOf({ directory }: Page, { language, text }: Command): string {
  if (language === 'ts') return programOf(text);
  const state = `'${path.join(directory, 'state')}'`;
  return `set -ea\n. ${state}\n${text}unset CURL_HOME\n{ export -p; declare -f; } >${state}\n`;
}

function named(text: string, names: Readonly<Record<string, string>>): string {
  return Object.entries(names).reduce((renamed, [from, to]) => renamed.replaceAll(from, to), text);
}

async function withTimeout(running: Running, timeoutMs: number): Promise<number | null> {
  const timer = AbortSignal.timeout(timeoutMs);
  const late = once(timer, 'abort').then(() => null);
  const code = await Promise.race([running.ended, late]);
  // What it may have started in the background ends with it, too.
  running.end();
  await running.ended;
  return code;
}
