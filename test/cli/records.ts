import type { Row } from '../../src/cli/record.ts';

/** Rows as short text: `1 books/7 {"id":"7"}` or `2 bad: why`. */
export async function textOf(rows: AsyncIterable<Row>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { number, content } of rows) {
    texts.push(
      content.type === 'bad'
        ? `${number} bad: ${content.problem}`
        : `${number} ${content.key} ${Buffer.from(content.value).toString()}`,
    );
  }
  return texts;
}
