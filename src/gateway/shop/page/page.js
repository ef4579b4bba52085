/**
 * The shop as a browser shows it: lists, searches, buys, and tells of each answer where it came from. It keeps nothing of
 * what it was told beyond what it shows.
 */

const at = (id) => document.getElementById(id);
const books = at('books');
const answers = at('answers');
const said = at('said');
const more = at('more');
const topics = at('topics');
const access = at('access');

const answersShown = 30;
const attemptsMax = 4;
const pauseMs = 400;

/** Ids are in the order of their characters, 10 before 2. */
const { compare } = new Intl.Collator('en', { numeric: true });
const money = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' });

/** Of this page alone: it is gone with it. */
let token = '';
/** What is shown, as a query; the next page of it, and which topic it is of. */
let view = { query: '', cursor: null, topic: null };
/** Counts what is asked for, so that an answer which comes late does not take the place of a later one. */
let turn = 0;
/** Every topic that was ever shown, so that one can go from one to the other. */
const known = new Set();

function element(name, className, text) {
  const made = document.createElement(name);
  if (className !== '') made.className = className;
  if (text !== '') made.textContent = text;
  return made;
}

function say(text, isBad = false) {
  said.textContent = text;
  said.classList.toggle('bad', isBad);
}

/** Resolves to the answer, whatever its status; rejects if there is none. */
async function ask(method, path, { headers = {}, body } = {}) {
  const authorization = token === '' ? {} : { Authorization: `Bearer ${token}` };
  const beganAt = performance.now();
  const note = (status, cache, server) => addAnswer({ method, path, status, cache, server, beganAt });
  try {
    const response = await fetch(path, { method, headers: { ...authorization, ...headers }, body });
    const answer = await response.json();
    note(response.status, response.headers.get('Cache-Status'), response.headers.get('Bazar-Served-By'));
    access.hidden = response.status !== 401;
    return { status: response.status, answer };
  } catch (error) {
    note(null, null, null);
    throw error;
  }
}

function addAnswer({ method, path, status, cache, server, beganAt }) {
  const item = element('li', '', '');
  const isRead = method === 'GET';
  const isHit = cache !== null && /;\s*hit\b/.test(cache);
  const failed = status === null || status >= 400;
  const mark = failed ? (status ?? 'no answer') : isHit ? 'hit' : isRead ? 'miss' : 'write';
  const request = element('span', 'request', `${method} /${path}`);
  const cached = element('span', 'cache', '');
  cached.append(element('span', `mark ${failed ? 'failed' : isHit ? 'hit' : ''}`, String(mark)), cache ?? '');
  item.append(request, element('span', 'time', `${(performance.now() - beganAt).toFixed(1)} ms`));
  item.append(cached, element('span', 'server', server ?? ''));
  answers.prepend(item);
  while (answers.children.length > answersShown) answers.lastElementChild.remove();
}

const failure = ({ status, answer }) => `${answer.detail ?? `The gateway answered ${status}`}.`;

/** Null where something has been asked for since, or there are no books to show; `tell` hears why. */
async function list(query, tell) {
  turn += 1;
  const own = turn;
  try {
    const got = await ask('GET', `v1/books${query}`);
    if (own !== turn) return null;
    if (got.status === 200) return got.answer;
    tell(failure(got), true);
  } catch {
    if (own === turn) tell('The gateway does not answer. Try again.', true);
  }
  return null;
}

async function show(next, tell = say) {
  const got = await list(next.query, tell);
  if (got === null) return;
  const { items, cursor } = got;
  view = { ...next, cursor };
  render(cursor === null ? items.sort((a, b) => compare(a.id, b.id)) : items);
  tell(items.length === 0 ? 'No book fits.' : `${items.length} ${items.length === 1 ? 'book' : 'books'}`);
}

async function showMore() {
  const query = `${view.query}${view.query === '' ? '?' : '&'}cursor=${encodeURIComponent(view.cursor)}`;
  const got = await list(query, say);
  if (got === null) return;
  const { items, cursor } = got;
  view = { ...view, cursor };
  books.append(...items.map(bookItem));
  remember(items);
  more.hidden = cursor === null;
  say(`${items.length} more`);
}

/** In place where the same books are shown, so that whoever is at a button stays there. */
function render(items) {
  const shown = [...books.children];
  const isSame = shown.length === items.length && items.every(({ id }, place) => shown[place].dataset.id === id);
  if (isSame) for (const [place, book] of items.entries()) fill(shown[place], book);
  else books.replaceChildren(...items.map(bookItem));
  remember(items);
  more.hidden = view.cursor === null;
}

function bookItem(book) {
  const item = element('li', '', '');
  const facts = element('div', 'facts', '');
  facts.append(element('span', 'price', ''), element('span', 'topic', ''), element('span', 'stock', ''));
  const button = element('button', '', '');
  button.type = 'button';
  item.append(element('h3', '', ''), facts, button);
  fill(item, book);
  return item;
}

function fill(item, book) {
  const { id, title, topic, price, stock } = book;
  const text = (selector, value) => {
    item.querySelector(selector).textContent = value;
  };
  item.dataset.id = id;
  text('h3', title);
  text('.price', typeof price === 'number' ? money.format(price / 100) : '');
  text('.topic', topic ?? '');
  text('.stock', stock > 0 ? `${stock} left` : '');
  const button = item.querySelector('button');
  button.disabled = !(stock > 0);
  button.textContent = stock > 0 ? 'Buy' : 'Sold out';
  button.setAttribute('aria-label', stock > 0 ? `Buy ${title}` : `${title} is sold out`);
  button.onclick = () => buy(item, book);
}

function remember(items) {
  for (const { topic } of items) if (typeof topic === 'string') known.add(topic);
  const chip = (name, topic) => {
    const button = element('button', '', name);
    button.type = 'button';
    button.setAttribute('aria-pressed', String(view.topic === topic));
    button.onclick = () => show({ query: topic === '' ? '' : `?topic=${encodeURIComponent(topic)}`, topic });
    return button;
  };
  const names = [...known].sort();
  const shown = [...topics.children];
  if (shown.length === names.length + 1) {
    for (const [place, button] of shown.entries()) {
      button.setAttribute('aria-pressed', String(view.topic === (place === 0 ? '' : names[place - 1])));
    }
  } else {
    topics.replaceChildren(chip('All', ''), ...names.map((name) => chip(name, name)));
  }
}

/** One order, however often it has to be asked for: all attempts bear one key. */
async function buy(item, { id, title }) {
  if (item.ariaBusy === 'true') return;
  item.ariaBusy = 'true';
  try {
    const got = await order(id, newKey());
    if (got === null) say(`Nobody could say whether “${title}” was bought. Its stock tells, in a moment.`, true);
    else if (got.status === 201) {
      const { price, quantity, stock } = got.answer;
      say(`Bought “${title}” for ${money.format((price * quantity) / 100)}. ${stock} left.`);
    } else if (got.answer.code === 'sold_out') say(`“${title}” is sold out. Nothing was bought.`, true);
    else say(failure(got), true);
    // What was said of the purchase stays.
    await show(view, () => {});
  } finally {
    item.ariaBusy = 'false';
  }
}

/** Null: nobody has said what became of it. */
async function order(book, key) {
  const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': key };
  const body = JSON.stringify({ book, quantity: 1 });
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const got = await ask('POST', 'v1/orders', { headers, body }).catch(() => null);
    if (got !== null && !mayBeAskedAgain(got)) return got;
    say('No answer yet. Asking again; nothing is bought twice.');
    await new Promise((resolve) => setTimeout(resolve, pauseMs * 2 ** attempt));
  }
  return null;
}

const mayBeAskedAgain = ({ status, answer }) =>
  answer.outcome === 'unknown' || [429, 502, 503, 504].includes(status) || answer.code === 'idempotency_in_progress';

/** `crypto.randomUUID` is not there where the page came over plain HTTP from another machine. */
function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

at('search').addEventListener('submit', (event) => {
  event.preventDefault();
  const words = at('words').value.trim();
  void show(words === '' ? { query: '', topic: '' } : { query: `?q=${encodeURIComponent(words)}`, topic: null });
});
access.addEventListener('submit', (event) => {
  event.preventDefault();
  token = at('token').value;
  void show(view);
});
more.addEventListener('click', () => void showMore());
void show({ query: '', topic: '' });
