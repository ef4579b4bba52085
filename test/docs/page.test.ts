import test from 'ava';
import { stepsOf } from './page.ts';

const fence = (language: string, text: string): string => `\`\`\`${language}\n${text}\n\`\`\`\n`;

test('a page is its commands in order, each with what the page says it prints', (t) => {
  const page = `# Title\n\n${fence('sh', 'a\nb')}\nprints\n\n${fence('text', '1')}\n${fence('sh', 'c')}\n${fence('', 'no matter')}`;
  t.deepEqual(stepsOf(page), [
    {
      type: 'run',
      line: 3,
      text: 'a\nb\n',
      language: 'sh',
      prints: { line: 10, text: '1\n', form: 'text' },
    },
    { type: 'run', line: 14, text: 'c\n', language: 'sh', prints: null },
  ]);
});

test('a block that is not run says why, and what it would print is not asked for', (t) => {
  const page = `<!-- not run: it takes an hour -->\n\n${fence('sh', 'a')}${fence('text', '1')}`;
  const [step, ...others] = stepsOf(page);
  t.deepEqual(others, []);
  t.like(step, { type: 'notRun', reason: 'it takes an hour', text: 'a\n', prints: { text: '1\n' } });
});

test('a block in a terminal of its own is begun, and shows what it prints where the page says so', (t) => {
  const mark = '<!-- terminal: second -->\n';
  const page = `${mark}${fence('sh', 'a')}${fence('sh', 'b')}${mark}${fence('text', '1')}`;
  t.like(stepsOf(page), [
    { type: 'begin', terminal: 'second', text: 'a\n', prints: null },
    { type: 'run', text: 'b\n' },
    { type: 'shows', terminal: 'second', text: '1\n', form: 'text' },
  ]);
});

test('a page may begin with a cluster of its own', (t) => {
  const page = fence('sh', 'npm start -- --gateways 2');
  t.deepEqual(stepsOf(page), [{ type: 'start', line: 1, flags: ['--gateways', '2'] }]);
  t.throws(() => stepsOf(fence('sh', 'npm start')), { message: /line 1: expected "npm start -- FLAGS"/ });
  t.throws(() => stepsOf(`${fence('sh', 'a')}${page}`), { message: /line 4: .*first block/ });
});

const mistakes = [
  ['what nothing prints', fence('json', '{}'), /line 1: there is no command before it/],
  ['two prints of one command', fence('sh', 'a') + fence('text', '1') + fence('text', '1'), /line 7: .* line 1 prints/],
  ['a terminal that was not begun', `<!-- terminal: x -->\n${fence('text', '1')}`, /line 2: nothing was begun/],
  [
    'a print that is not held against anything',
    `<!-- not run: no -->\n${fence('text', '1')}`,
    /line 2: .*mark the commands/,
  ],
  ['another name for a shell', fence('bash', 'a'), /line 1: expected "sh"/],
  ['a mark that is none', `<!-- skip -->\n${fence('sh', 'a')}`, /line 1: expected <!-- not run: REASON -->/],
  ['a mark without its block', `<!-- not run: no -->\ntext\n${fence('sh', 'a')}`, /line 1: .*right before its block/],
  ['a mark at the end', '<!-- not run: no -->\n', /line 1: .*right before its block/],
  [
    'a mark of what is neither run nor printed',
    `<!-- not run: no -->\n${fence('yaml', 'a')}`,
    /line 2: .*needs no mark/,
  ],
  ['a block without an end', '```sh\na\n', /line 1: the block has no end/],
  ['a block within a list, which would go unseen', '- a\n\n  ```sh\n  b\n  ```\n', /line 3: .*beginning of its line/],
] as const;

for (const [what, page, message] of mistakes) {
  test(`found on a page: ${what}`, (t) => {
    t.throws(() => stepsOf(page), { message });
  });
}
