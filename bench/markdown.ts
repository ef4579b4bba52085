/** A table as Markdown has it. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  for (const row of rows) {
    if (row.length !== header.length) throw new Error(`a row of ${row.length} cells under ${header.length} columns`);
  }
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}
