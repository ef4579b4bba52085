/** The books of the shop, by what stands at each replica and what clients know alone: no model, no log. */
import { readDocument } from '../../../src/store/document.ts';
import { idOfDocument, keyOfValue } from '../../../src/store/keys.ts';
import { readStoredValue } from '../../../src/store/kv.ts';
import { openRow } from '../../../src/store/row.ts';
import { scarceBook } from './books.ts';
import type { Snapshot } from './judge.ts';
import type { CatalogOperation } from './operation.ts';
import { restockPrefix } from './requests.ts';

export function shopProblems(
  snapshots: readonly Snapshot[],
  operations: readonly CatalogOperation[],
): readonly string[] {
  const copies = operations.flatMap(({ asked }) => (asked.type === 'write' ? copiesIn(asked.write) : []));
  const stated = new Set(copies);
  return snapshots.flatMap(({ id, rows }) => {
    const documents = rows.filter(([key]) => letterOf(key) === 'd').map(([key, row]) => documentIn(key, row));
    const { stock } = documents.find(({ id: book }) => book === scarceBook) ?? {};
    if (stock === undefined) return [];
    const sold = sum(documents.filter(({ book }) => book === scarceBook).map(({ quantity }) => Number(quantity)));
    const notes = rows.filter(([key]) => letterOf(key) === 'k' && keyOfValue(key).startsWith(restockPrefix));
    const added = sum(
      notes.map(([key, row]) => Number(readStoredValue(openRow(Buffer.from(key), row).body).value.toString())),
    );
    const problems: string[] = [];
    if (Number(stock) < 0) problems.push(`${id} has ${stock} copies of ${scarceBook}`);
    if (!stated.has(Number(stock) + sold - added)) {
      problems.push(
        `${id} has ${stock} copies of ${scarceBook} left, ${sold} sold and ${added} added, of ${[...stated]}`,
      );
    }
    return problems;
  });
}

/** How many copies there were at first, by whoever was to put them there. */
function copiesIn(write: Extract<CatalogOperation['asked'], { type: 'write' }>['write']): readonly number[] {
  if (write.type !== 'transaction') return [];
  return write.transaction.then.flatMap((operation) =>
    operation.type === 'putDocument' && operation.id === scarceBook
      ? [Number((JSON.parse(Buffer.from(operation.json).toString()) as { stock: number }).stock)]
      : [],
  );
}

function documentIn(key: Uint8Array, row: Uint8Array): Readonly<Record<string, unknown>> {
  const { json } = readDocument(openRow(Buffer.from(key), row).body);
  return { ...(JSON.parse(Buffer.from(json).toString()) as object), id: idOfDocument(key) };
}

function letterOf(key: Uint8Array): string {
  return String.fromCharCode(key[0] ?? 0);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
