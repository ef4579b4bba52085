/** What somebody writes who has installed the package; compiled and run in a project of its own. */
import { BazarError, createBazarClient, type KeyChange } from 'bazar';

declare const process: { readonly argv: readonly string[] };
declare const console: { log(text: string): void };

const bazar = createBazarClient({ urls: process.argv[2] ?? '' });
const { revision } = await bazar.kv.put('hello', 'world');
const value = await bazar.kv.get('hello');
const listed = [];
for await (const { key } of bazar.kv.list({ prefix: 'he' })) listed.push(key);

const watched: string[] = [];
for await (const change of bazar.watchKeys('he', { from: revision - 1 })) {
  const { type, key }: KeyChange = change;
  watched.push(`${type} ${key}`);
  break;
}

let code = '';
try {
  await bazar.kv.put('hello', 'again', { ifNoneMatch: '*' });
} catch (error) {
  if (error instanceof BazarError) code = error.code;
}
console.log(JSON.stringify({ text: value?.text(), listed, watched, code }));
