import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { repository } from '../cluster/child.ts';
import { stepsOf } from './page.ts';
import { pages } from './pages.ts';

const read = (page: string): string => readFileSync(path.join(repository, page), 'utf8');

test('what is not run on the pages is on this list, and nothing else', (t) => {
  const notRun = pages().flatMap((page) =>
    stepsOf(read(page)).flatMap((step) =>
      step.type === 'notRun' ? `${page}: ${step.text.split('\n')[0]} (${step.reason})` : [],
    ),
  );
  t.deepEqual(notRun, [
    'README.md: npm ci && npm start      # three replicas and a gateway on this machine; Ctrl-C stops them (test/system/fresh-checkout.system.ts does, and CI)',
    'README.md: npx bazar init --replicas r1=10.0.0.1,r2=10.0.0.2,r3=10.0.0.3 --gateways g1=10.0.0.4 --out cluster (it is for machines with these addresses; docs/access.md runs a cluster of its own)',
    'README.md: npx bazar replica --id r1 --cluster cluster.json --key r1.key --data /var/lib/bazar --insecure (the same)',
    'docs/client.md: npm pack && npm install ./bazar-0.1.0.tgz      # in a project of yours, with the path of the file that npm pack has made (it makes a package and installs it from the registry, which test/system/package.system.ts does)',
  ]);
});

test('every page is linked from the README, and every link leads somewhere', (t) => {
  const targets = new Map(
    pages().map((page) => {
      const links = [...withoutBlocks(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
      return [page, links.filter((link) => !/^https?:/.test(link))];
    }),
  );
  for (const [page, links] of targets) {
    for (const link of links) {
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? page : path.posix.join(path.posix.dirname(page), file);
      t.true(existsSync(path.join(repository, target)), `${page}: ${link}`);
      if (anchor !== undefined) t.true(anchorsOf(read(target)).includes(anchor), `${page}: ${link}`);
    }
  }
  const linked = targets.get('README.md') ?? [];
  t.deepEqual(
    pages().filter((page) => page !== 'README.md' && !linked.some((link) => link.split('#')[0] === page)),
    [],
  );
});

test('lines of the pages fit on a screen', (t) => {
  for (const page of pages()) {
    const long = withoutBlocks(read(page))
      .split('\n')
      .filter((line) => line.length > 130 && !line.startsWith('|'));
    t.deepEqual(long, [], page);
  }
});

function withoutBlocks(page: string): string {
  return page.replaceAll(/^```.*?^```$/gms, '');
}

/** As GitHub makes them of headings. */
function anchorsOf(page: string): readonly string[] {
  const headings = [...withoutBlocks(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => heading);
  return headings.map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-'),
  );
}
