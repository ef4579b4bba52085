import { readFileSync } from 'node:fs';

/** Beside src/ in a checkout, beside dist/ in a package. */
const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};

export const { version } = manifest;
