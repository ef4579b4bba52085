import {
  duration,
  flag,
  integer,
  type Kind,
  optional,
  path,
  required,
  text,
  UsageError,
  type Values,
  withDefault,
} from '../config.ts';
import { createProgress } from '../progress.ts';
import { openCheckpoint } from './checkpoint.ts';
import { defineCommand } from './command.ts';
import { Failure } from './failure.ts';
import { createHttpClient, targetOptions } from './http-client.ts';
import { batchesOf } from './import/batches.ts';
import { ensureCollection, indexes } from './import/collection.ts';
import { documentBounds, documentRows, storingDocuments } from './import/documents.ts';
import { keyBounds, storingKeys } from './import/keys.ts';
import { ImportRun, type ImportRunOptions, progressOf } from './import/run.ts';
import { begun, type ImportSettings, type ImportState, readerOf, resumed, sourceOf } from './import/source.ts';
import type { Row } from './record.ts';

const names: Kind<readonly string[]> = {
  placeholder: 'FIELD,…',
  parse: (value) => value.split(',').map((name) => text('FIELD').parse(name)),
};

const lineFeed = '\n';

const splits: Kind<ReadonlyMap<string, string>> = {
  placeholder: 'FIELD=SEPARATOR',
  separator: lineFeed,
  parse: (value) =>
    new Map(
      value.split(lineFeed).map((one) => {
        const [, field = '', separator = ''] = /^([^=]+)=(.+)$/s.exec(one) ?? [];
        if (field === '') throw new UsageError('expected a field, "=" and what stands between its parts');
        return [field, separator] as const;
      }),
    ),
};

const options = {
  prefix: optional(
    { placeholder: 'PREFIX', parse: (value: string) => value },
    'What every key begins with; by default nothing.',
  ),
  key: optional(text('FIELD'), 'The column or field that makes the rest of the key.'),
  collection: optional(text('NAME'), 'Put documents into this collection, in place of keys.'),
  id: optional(text('FIELD'), 'With --collection: the column or field that is the id.'),
  number: optional(names, 'With --collection: texts of these become numbers; an empty one is left out.'),
  split: optional(splits, 'With --collection: texts of this become lists. May be given several times.'),
  index: optional(indexes, 'With --collection: its indexes, where it is made; term, words or number.'),
  concurrency: optional(
    integer('N', 1, 1024),
    'How many requests are on their way at once; by default 64, or 4 of up to 64 documents.',
  ),
  skipBad: flag('Count rows that cannot be stored and go on, instead of stopping at the first.'),
  resume: flag('Go on where an earlier run stopped.'),
  progressFile: optional(path('FILE'), 'Where to keep how far it came; by default FILE.bazar-import.'),
  timeout: withDefault(duration, '60s', 'How long to try one record, or one transaction.'),
  ...targetOptions,
};

type Input = Values<typeof options> & { readonly file: string };

export const command = defineCommand({
  name: 'import',
  summary: 'Store every row of a CSV or NDJSON file, under keys or as documents.',
  details: `A CSV row becomes a JSON object of strings in the order of the header; an NDJSON line, which must be
a JSON object, is stored as it is. The key is the prefix and the row's --key; of rows with one key
the last is kept. The content type is application/json. For example
  bazar import books.csv --prefix books/ --key book_id
  bazar import books.csv --collection books --id book_id --number average_rating,ratings_count \\
    --split authors=", " --index authors:term,title:words,average_rating:number

A collection that is not there is made, which takes the role admin. Documents are put in transactions
of up to 64; what they were before does not matter, so that an import may be made again.

What was not answered is sent again on 429, 503, 504 and broken connections until --timeout has passed.
That holds for an outcome that is unknown too: storing the same value twice changes only its version,
and a transaction that is sent again is not done again.

How far it came stands in FILE.bazar-import until all is done. --resume goes on from there, and
refuses if the file, or what its rows are to become, has changed since.`,
  arguments: { file: required(path('FILE'), 'Its name ends in .csv, .ndjson or .jsonl.') },
  options,
  async run(input, { stderr, nextInterruption }) {
    const { file } = input;
    const { format } = readerOf(file);
    const plan = planOf(input, format);
    const source = await sourceOf(file, plan.settings);
    const checkpoint = openCheckpoint<ImportState>(input.progressFile ?? `${file}.bazar-import`);
    const start = input.resume ? await resumed(checkpoint, source) : begun(source);
    await checkpoint.save(start);
    const interrupted = nextInterruption();
    const concurrency = input.concurrency ?? plan.concurrency;
    const client = createHttpClient(input, concurrency);
    const progress = createProgress({ stream: stderr, start: progressOf(start) });
    try {
      const storing = await plan.prepare({ client, timeoutMs: input.timeout, interrupted }, start);
      const run = new ImportRun({
        ...storing,
        start,
        checkpoint,
        progress,
        concurrency,
        skipBad: input.skipBad,
        interrupted,
      });
      await run.finish().catch((error: unknown) => {
        progress.finish(`imported ${run.summary()}; go on with --resume`);
        throw error;
      });
      await checkpoint.remove();
      progress.finish(`imported ${run.summary()}`);
    } catch (error) {
      throw error instanceof Failure ? new Failure(`${file}: ${error.message}`, error.exitCode) : error;
    } finally {
      client.close();
    }
  },
});

interface Plan {
  readonly settings: ImportSettings;
  readonly concurrency: number;
  prepare(
    asking: Parameters<typeof storingKeys>[0],
    start: ImportState,
  ): Promise<Pick<ImportRunOptions, 'batches' | 'store'>>;
}

function planOf(input: Input, format: 'csv' | 'ndjson'): Plan {
  return input.collection === null ? keyPlan(input) : documentPlan(input, input.collection, format);
}

function keyPlan({ file, prefix, key, id, number, split, index }: Input): Plan {
  const [misplaced] = Object.entries({ id, number, split, index }).find(([, value]) => value !== null) ?? [];
  if (misplaced !== undefined) throw new UsageError(`import: --${misplaced} needs --collection NAME`);
  if (key === null) throw new UsageError('import: expected --key FIELD, or --collection NAME with --id FIELD');
  const settings = { prefix: prefix ?? '', key };
  return {
    settings,
    concurrency: 64,
    async prepare(asking, { row }) {
      const rows = readerOf(file).read(file, settings.prefix, key);
      return { batches: batchesOf(rows, row, keyBounds), store: storingKeys(asking) };
    },
  };
}

function documentPlan(input: Input, collection: string, format: 'csv' | 'ndjson'): Plan {
  const { file, prefix, key, id, skipBad } = input;
  if (prefix !== null || key !== null) {
    throw new UsageError('import: --prefix and --key make keys; a document of a --collection has its --id alone');
  }
  if (id === null) throw new UsageError('import: --collection needs --id FIELD');
  const numbers = input.number ?? [];
  const splits = input.split ?? new Map<string, string>();
  const wanted = { idField: id, indexes: input.index ?? [] };
  const textual = wanted.indexes.find(({ field, kind }) => kind === 'number' && !numbers.includes(field));
  if (textual !== undefined && format === 'csv') {
    throw new UsageError(`import: --index ${textual.field}:number needs --number ${textual.field}: a CSV holds texts`);
  }
  const named = [...numbers, ...splits.keys(), ...wanted.indexes.map(({ field }) => field)];
  const mustHave = format === 'csv' ? named : [];
  const settings = { collection, id, number: JSON.stringify(numbers), split: JSON.stringify([...splits]) };
  return {
    settings,
    concurrency: 4,
    async prepare(asking, { row, run }) {
      const rows = documentRows(readerOf(file).read(file, '', id), { id, numbers, splits, mustHave });
      // A field that was misspelt is found out before a collection is made with it.
      const first = await rows.next();
      await ensureCollection({ ...asking, collection, wanted });
      return {
        batches: batchesOf(startingWith(first, rows), row, documentBounds),
        store: storingDocuments({ ...asking, collection, run, skipBad }),
      };
    },
  };
}

async function* startingWith(first: IteratorResult<Row>, others: AsyncGenerator<Row>): AsyncGenerator<Row> {
  if (first.done === true) return;
  yield first.value;
  yield* others;
}
