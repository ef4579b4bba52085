import { extname } from 'node:path';
import { duration, flag, optional, path, text, UsageError, withDefault } from '../config.ts';
import { count, createProgress } from '../progress.ts';
import { openCheckpoint } from './checkpoint.ts';
import { defineCommand } from './command.ts';
import { openOutput, standardOutput } from './export/destination.ts';
import { type Definition, definitionRequest, exportDocuments } from './export/documents.ts';
import { exportKeys } from './export/keys.ts';
import type { ExportSource, ExportState, Format } from './export/source.ts';
import { Failure } from './failure.ts';
import { createHttpClient, failureOf, type HttpRequest, jsonOf, targetOptions } from './http-client.ts';
import { retry } from './retry.ts';

export const command = defineCommand({
  name: 'export',
  summary: 'Write the values under a prefix, or the documents of a collection, as "bazar import" reads them.',
  details: `NDJSON takes every value that is a JSON object on one line, and writes it as it is. CSV takes flat
objects of strings with the same fields in the same order, written as import writes them. Anything
else, and an object without a field that import could make its key from, stops the export and is
named: "bazar list --json" and "bazar get" show such values. Documents are written as NDJSON alone.

What exists throughout appears once; what is written meanwhile may appear or not. How far it
came stands in FILE.bazar-export until all is done; --resume goes on from there.`,
  arguments: {},
  options: {
    prefix: withDefault({ placeholder: 'PREFIX', parse: (value) => value }, '', 'Only keys that begin with this.'),
    key: optional(text('FIELD'), 'The field that makes the rest of the key; by default any that does so everywhere.'),
    collection: optional(text('NAME'), 'The documents of this collection, in place of keys.'),
    output: optional(
      path('FILE'),
      'A name that ends in .ndjson, .jsonl or .csv; by default NDJSON goes to the standard output.',
    ),
    resume: flag('Go on where an earlier run stopped.'),
    timeout: withDefault(duration, '60s', 'How long to try one page.'),
    ...targetOptions,
  },
  async run(input, { stdout, stderr, nextInterruption }) {
    const { prefix, key, collection, output } = input;
    if (input.resume && output === null) throw new UsageError('export: --resume needs --output FILE');
    const format = formatOf(output);
    if (collection !== null && (format === 'csv' || prefix !== '' || key !== null)) {
      throw new UsageError('export: documents are written as NDJSON alone, and have neither --prefix nor --key');
    }
    const checkpoint = output === null ? null : openCheckpoint<ExportState>(`${output}.bazar-export`);
    const start = (input.resume ? await checkpoint?.load() : null) ?? { prefix, key, collection, ...nothingDone };
    if (start.prefix !== prefix || start.key !== key || (start.collection ?? null) !== collection) {
      throw new Failure(
        'cannot resume: the prefix, the key field or the collection differs from the earlier run; start without --resume',
      );
    }
    const client = createHttpClient(input);
    const interrupted = nextInterruption();
    const ask = async (request: HttpRequest) => {
      const answer = await retry(() => client.request(request), { timeoutMs: input.timeout, interrupted });
      if (answer.status !== 200) throw failureOf(answer);
      return answer;
    };
    const source: ExportSource =
      collection === null
        ? exportKeys(prefix, format)
        : exportDocuments(collection, jsonOf(await ask(definitionRequest(collection, pageTimeoutMs))) as Definition);
    const destination = output === null ? standardOutput(stdout) : await openOutput(output, start.bytes);
    const progress = createProgress({ stream: stderr, start: progressOf(start) });
    let state = start;
    try {
      do {
        if (interrupted.aborted) throw new Failure('interrupted');
        const answer = await ask(source.request(state.cursor, pageTimeoutMs));
        const { text, next } = source.page(answer, state);
        await destination.write(text);
        state = { ...next, bytes: state.bytes + Buffer.byteLength(text) };
        await checkpoint?.save(state);
        progress.update(progressOf(state));
      } while (state.cursor !== null);
    } catch (error) {
      progress.finish(`exported ${count(state.rows)} rows${output === null ? '' : '; go on with --resume'}`);
      throw error;
    } finally {
      client.close();
      await destination.close();
    }
    await checkpoint?.remove();
    const flags = output === null ? null : source.importFlags(state);
    const hint = flags === null ? '' : `; read back with: bazar import ${output} ${flags}`;
    progress.finish(`exported ${count(state.rows)} rows${hint}`);
  },
});

const pageTimeoutMs = 5000;

function formatOf(output: string | null): Format {
  const extension = output === null ? '.ndjson' : extname(output).toLowerCase();
  if (extension === '.csv') return 'csv';
  if (extension === '.ndjson' || extension === '.jsonl') return 'ndjson';
  throw new UsageError(`export: expected a file whose name ends in .ndjson, .jsonl or .csv, got ${output}`);
}

const nothingDone = { rows: 0, bytes: 0, cursor: null, columns: null, keyFields: null };

const progressOf = ({ rows }: ExportState) => ({ rows, errors: 0, fraction: null });
