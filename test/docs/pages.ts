import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { repository } from '../cluster/child.ts';

/** What users read, from the repository's root. */
export function pages(): readonly string[] {
  const docs = path.join(repository, 'docs');
  const names = existsSync(docs) ? readdirSync(docs).filter((name) => name.endsWith('.md')) : [];
  return ['README.md', ...names.sort().map((name) => `docs/${name}`)];
}
