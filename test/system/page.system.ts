/** The shop's page in a real browser. */
import { accessSync } from 'node:fs';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { machinePath } from '../cluster/machine.ts';
import { fillShop, jsonBody } from './shop.ts';
import { clusterFor, systemTest } from './system-test.ts';

async function startBrowser(t: ExecutionContext): Promise<Browser> {
  const executablePath = machinePath
    .split(path.delimiter)
    .map((directory) => path.join(directory, 'chromium'))
    .find(isThere);
  if (executablePath === undefined) throw new Error('chromium is not on the path');
  // Nothing but our own page is loaded, so root may do without the sandbox.
  const browser = await puppeteer.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  t.teardown(() => browser.close());
  return browser;
}

function isThere(file: string): boolean {
  try {
    accessSync(file);
    return true;
  } catch {
    return false;
  }
}

/** What went wrong in the page; a refusal that the page asks for is none. */
function troublesOf(page: Page): readonly string[] {
  const troubles: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('409')) troubles.push(message.text());
  });
  page.on('pageerror', (error) => troubles.push(String(error)));
  page.on('requestfailed', (request) => troubles.push(`${request.url()} ${request.failure()?.errorText}`));
  return troubles;
}

interface Shown {
  readonly titles: readonly string[];
  /** Of the newest answer: the request, its mark, and who served it. */
  readonly request: string;
  readonly mark: string;
  readonly cache: string;
  readonly server: string;
  readonly time: string;
  readonly said: string;
}

/** In one turn of the page. */
function shown(page: Page): Promise<Shown> {
  return page.evaluate(`(() => {
    const text = (selector) => document.querySelector(selector)?.textContent ?? '';
    const newest = '#answers li:first-child ';
    return {
      titles: [...document.querySelectorAll('#books h3')].map(({ textContent }) => textContent),
      request: text(newest + '.request'), mark: text(newest + '.mark'), cache: text(newest + '.cache'),
      server: text(newest + '.server'), time: text(newest + '.time'), said: text('#said'),
    };
  })()`) as Promise<Shown>;
}

/** Does it, and waits until the page has nothing more to ask: between two attempts to buy it asks nothing, and is busy. */
async function after(page: Page, act: () => Promise<unknown>): Promise<Shown> {
  await act();
  await page.waitForNetworkIdle({ idleTime: 150, timeout: 60_000 });
  await page.waitForFunction(`document.querySelector('[aria-busy="true"]') === null`, { timeout: 60_000 });
  return shown(page);
}

const bookItem = (id: string) => `#books li[data-id="${id}"]`;
const textIn = (page: Page, selector: string) => page.$eval(selector, ({ textContent }) => textContent);

systemTest('the page lists, searches and buys, and tells where each answer came from', ['chromium'], async (t) => {
  const cluster = await clusterFor(t);
  const client = cluster.client();
  await fillShop(client);
  const browser = await startBrowser(t);
  const page = await browser.newPage();
  const troubles = troublesOf(page);
  await page.evaluateOnNewDocument(
    `addEventListener('securitypolicyviolation', (event) => console.error('policy: ' + event.violatedDirective));`,
  );

  const first = await after(page, () => page.goto(cluster.url('g1')));
  t.is(first.titles.length, 11);
  t.is(first.titles[8], 'How to finish Project 3 on time');
  t.deepEqual([first.request, first.mark], ['GET /v1/books', 'miss']);
  t.regex(first.cache, /bazar; fwd=uri-miss/);
  t.true(cluster.replicas.includes(first.server), first.server);
  t.regex(first.time, /^\d+\.\d ms$/);
  t.is(first.said, '11 books');

  const listAll = () => page.click('#topics button:first-child');
  const second = await after(page, listAll);
  t.deepEqual([second.mark, second.server], ['hit', 'g1']);

  const found = await after(page, async () => {
    await page.type('#words', 'noobs');
    await page.keyboard.press('Enter');
  });
  t.deepEqual([found.titles, found.request], [['RPCs for Noobs'], 'GET /v1/books?q=noobs']);
  const ofTopic = await after(page, () => page.click('#topics ::-p-text(education)'));
  t.is(ofTopic.titles.length, 2);
  await after(page, listAll);

  const bought = await after(page, async () => {
    await page.focus(`${bookItem('9')} button`);
    await page.keyboard.press('Enter');
  });
  t.is(bought.said, 'Bought “How to finish Project 3 on time” for $9.90. 14 left.');
  t.is(await textIn(page, `${bookItem('9')} .stock`), '14 left');
  t.is(bought.mark, 'miss');
  t.is(await page.evaluate('document.activeElement.getAttribute("aria-label")'), 'Buy How to finish Project 3 on time');
  t.is((await after(page, listAll)).mark, 'hit');

  t.is((await client.request('PUT', '/update/11', jsonBody({ quantity: 1 }))).status, 200);
  await after(page, listAll);
  t.is((await client.request('POST', '/purchase/11')).status, 201);
  const late = await after(page, () => page.click(`${bookItem('11')} button`));
  t.is(late.said, '“Spring in the Pioneer Valley” is sold out. Nothing was bought.');
  t.is(await textIn(page, `${bookItem('11')} button`), 'Sold out');
  t.deepEqual(troubles, []);
});

systemTest('the page fits a phone, in light and in dark', ['chromium'], async (t) => {
  const cluster = await clusterFor(t);
  await fillShop(cluster.client());
  const page = await (await startBrowser(t)).newPage();
  const troubles = troublesOf(page);
  const papers = new Set<unknown>();
  for (const value of ['light', 'dark']) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value }]);
    for (const width of [320, 375, 1280]) {
      await page.setViewport({ width, height: 800 });
      await after(page, () => page.goto(cluster.url('g1')));
      const name = `${value} at ${width}`;
      t.true(Number(await page.evaluate('document.documentElement.scrollWidth')) <= width, name);
      const small = await page.$$eval(
        '#books button, #search button',
        (buttons) => buttons.filter((button) => button.getBoundingClientRect().height < 44).length,
      );
      t.is(small, 0, `${name}: a thumb needs 44 pixels`);
    }
    papers.add(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
  }
  t.is(papers.size, 2);
  t.deepEqual(troubles, []);
});
