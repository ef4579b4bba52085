import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const fileHere = (name: string) => fileURLToPath(new URL(name, import.meta.url));

async function bugs(...words: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const args = [fileHere('main.ts'), '--simulator', fileHere('fake-simulator.ts'), ...words];
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, args)) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

const noticed = 'longer-log-wins-whatever-its-terms';

test('succeeds when every bug is found', async (t) => {
  const { code, stdout } = await bugs('--bug', noticed, '--from', '4');
  t.is(code, 0);
  t.regex(stdout, /longer-log-wins-whatever-its-terms +fake +6 +3 /);
  t.regex(stdout, /1 of 1 planted bugs found; seeds needed: median 3, worst 3/);
});

test('fails when a bug is not found', async (t) => {
  const { code, stdout } = await bugs('--bug', noticed, '--from', '4', '--most', '2');
  t.is(code, 1);
  t.regex(stdout, /NOT FOUND/);
  t.regex(stdout, /0 of 1 planted bugs found/);
});

test('looks for a share of the bugs', async (t) => {
  const two = ['--bug', noticed, '--bug', noticed];
  const first = await bugs(...two, '--from', '6', '--share', '1/2');
  t.regex(first.stdout, /1 of 1 planted bugs found/);
  const none = await bugs(...two, '--from', '6', '--share', '3/3');
  t.is(none.code, 2, 'a share of nothing proves nothing');
  t.regex(none.stderr, /^sim:bugs: share 3\/3 of 2 bugs holds none/);
});

test('words that make no sense are told in a line', async (t) => {
  for (const [words, complaint] of [
    [['--most', 'x'], /^sim:bugs: --most takes a whole number from 1, got x\n$/],
    [['--bug', 'nope'], /^sim:bugs: there is no bug named nope.*\n$/],
    [['--share', '5/4'], /^sim:bugs: --share takes two whole numbers such as 2\/4, the second of four, got 5\/4\n$/],
    [['--nope'], /^sim:bugs: Unknown option '--nope'.*\n$/],
  ] as const) {
    const { code, stderr } = await bugs(...words);
    t.is(code, 2);
    t.regex(stderr, complaint);
  }
});

test('lists the bugs with their harm', async (t) => {
  const { stdout } = await bugs('--list');
  t.regex(stdout, /^longer-log-wins-whatever-its-terms\n {4}a leader without committed entries/m);
});
