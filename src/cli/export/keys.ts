/** Values under a prefix, as rows. */
import { limits } from '../../store/command.ts';
import { csvRow, parseObjectText } from '../csv.ts';
import { Failure } from '../failure.ts';
import { type ListItem, type ListPage, listRequest, pageOf } from '../listing.ts';
import { parseObject } from '../ndjson.ts';
import { keyText } from '../record.ts';
import type { ExportedPage, ExportSource, ExportState, Format } from './source.ts';

export function exportKeys(prefix: string, format: Format): ExportSource {
  return {
    request: (cursor, timeoutMs) =>
      listRequest({ prefix, limit: limits.listItemsMax, cursor, keysOnly: false, timeoutMs }),
    page: (answer, state) => pageText(pageOf(answer), state, format),
    importFlags,
  };
}

function pageText(page: ListPage, state: ExportState, format: Format): ExportedPage {
  let { columns, keyFields } = state;
  const lines: string[] = [];
  for (const item of page.items) {
    const value = lineOf(item);
    keyFields = keyFieldsOf(item, value, state, keyFields);
    if (format === 'ndjson') {
      lines.push(`${value}\n`);
    } else {
      const cells = cellsOf(item, value, columns);
      if (columns === null) lines.push(csvRow(cells.columns));
      columns = cells.columns;
      lines.push(csvRow(cells.cells));
    }
  }
  const rows = state.rows + page.items.length;
  return { text: lines.join(''), next: { ...state, rows, cursor: page.cursor, columns, keyFields } };
}

function lineOf({ key, value }: ListItem): string {
  if (value === undefined) throw refusal(key, 'is not UTF-8');
  if (/[\r\n]/.test(value)) throw refusal(key, 'has more than one line');
  return value;
}

function keyFieldsOf(
  { key }: ListItem,
  text: string,
  { prefix, key: only }: ExportState,
  before: readonly string[] | null,
): readonly string[] {
  const value = parseObject(text);
  if (value === null) throw refusal(key, 'is not a JSON object');
  const rest = key.slice(prefix.length);
  const candidates = before ?? (only === null ? Object.keys(value) : [only]);
  const fields = candidates.filter((field) => Object.hasOwn(value, field) && keyText(value[field]) === rest);
  if (fields.length > 0) return fields;
  const which = candidates.length === 1 ? JSON.stringify(candidates[0]) : 'no field that fits the keys before it';
  throw refusal(key, `does not hold ${JSON.stringify(rest)} in ${which}, so that import could not find its key again`);
}

function cellsOf({ key }: ListItem, text: string, columns: readonly string[] | null) {
  const parsed = parseObjectText(text);
  if (parsed === null) throw refusal(key, 'is not a flat JSON object of strings as import writes it; use .ndjson');
  if (columns !== null && JSON.stringify(parsed.columns) !== JSON.stringify(columns)) {
    throw refusal(key, 'has other fields than those before it; use .ndjson');
  }
  return parsed;
}

const refusal = (key: string, problem: string): Failure =>
  new Failure(`cannot export ${JSON.stringify(key)}: its value ${problem}`);

function importFlags({ prefix, keyFields }: ExportState): string | null {
  const [field] = keyFields ?? [];
  return field === undefined ? null : `--prefix ${JSON.stringify(prefix)} --key ${JSON.stringify(field)}`;
}
