/** Rows in the groups in which they are sent: neighbours, none of them twice, and a bad one by itself. */
import type { Row, RowContent } from '../record.ts';

export interface RecordRow extends Row {
  readonly content: Extract<RowContent, { type: 'record' }>;
}

export type Batch =
  | { readonly type: 'records'; readonly rows: readonly [RecordRow, ...RecordRow[]] }
  | { readonly type: 'bad'; readonly row: Row; readonly problem: string };

export interface BatchBounds {
  readonly rowsMax: number;
  /** Of keys and values together; one row at least is in a batch. */
  readonly bytesMax: number;
}

/** From the first row behind `after` on, which therefore decides alone where each batch begins. */
export async function* batchesOf(rows: AsyncGenerator<Row>, after: number, bounds: BatchBounds): AsyncGenerator<Batch> {
  let open: RecordRow[] = [];
  let bytes = 0;
  const keys = new Set<string>();
  function* close(): Generator<Batch> {
    const [first, ...others] = open;
    if (first !== undefined) yield { type: 'records', rows: [first, ...others] };
    open = [];
    bytes = 0;
    keys.clear();
  }
  for await (const row of rows) {
    if (row.number <= after) continue;
    const { content } = row;
    if (content.type === 'bad') {
      yield* close();
      yield { type: 'bad', row, problem: content.problem };
      continue;
    }
    const rowBytes = Buffer.byteLength(content.key) + content.value.byteLength;
    const fits = open.length < bounds.rowsMax && bytes + rowBytes <= bounds.bytesMax && !keys.has(content.key);
    if (!fits) yield* close();
    open.push({ ...row, content });
    bytes += rowBytes;
    keys.add(content.key);
    // Nobody waits for a row that cannot be added.
    if (open.length >= bounds.rowsMax) yield* close();
  }
  yield* close();
}
