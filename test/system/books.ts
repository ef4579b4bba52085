/** Ten thousand books as CSV, and what `bazar import` is to make of each row. */
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { repository } from '../cluster/child.ts';

export interface Books {
  readonly file: string;
  /** By key: a JSON object of strings, in the order of the header. */
  readonly values: ReadonlyMap<string, string>;
}

/** The real ones, where BAZAR_BOOKS or the folder beside the repository has them; else some of our own making. */
export async function books(directory: string): Promise<Books> {
  const real = realBooks();
  if (real !== null) return readBooks(real);
  const file = path.join(directory, 'books.csv');
  await writeFile(file, generatedCsv(10_000));
  return readBooks(file);
}

/** The file of the real ones, if it is there. */
export function realBooks(): string | null {
  const { BAZAR_BOOKS = path.join(repository, '../shared/data/goodbooks.csv') } = process.env;
  return existsSync(BAZAR_BOOKS) ? BAZAR_BOOKS : null;
}

function readBooks(file: string): Books {
  const [header = [], ...rows] = parseCsv(readFileSync(file, 'utf8'));
  const values = rows.map((row) => {
    const book: Record<string, string | undefined> & { book_id?: string } = Object.fromEntries(
      header.map((name, column) => [name, row[column]]),
    );
    return [`books/${book.book_id}`, JSON.stringify(book)] as const;
  });
  return { file, values: new Map(values) };
}

/** RFC 4180, apart from the product's own parser, so that a mistake there does not hide here. */
export function parseCsv(text: string): readonly (readonly string[])[] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain = '', end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    row.push(quoted?.replaceAll('""', '"') ?? plain);
    if (end === ',') continue;
    if (row.length > 1) rows.push(row);
    row = [];
  }
  return rows;
}

function generatedCsv(count: number): string {
  const names = [
    'Brontë, Charlotte',
    'O’Brien "Flann"',
    '村上春樹',
    'Ø. Ærø',
    'Толстой',
    '🦊 & co.',
    'line\nbreak',
    '',
  ];
  const quote = (cell: string) => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
  const row = (id: number) => {
    const author = names[id % names.length] ?? '';
    return [`${id}`, `Title ${id}, or "${author}"`, author, `${1800 + (id % 220)}`].map(quote).join(',');
  };
  const rows = Array.from({ length: count }, (_, position) => row(position + 1));
  return `book_id,title,authors,year\n${rows.join('\n')}\n`;
}
