/** Writers that never rest, and what became of each of their writes. */
import type { HttpClient, ListedItem } from './http-client.ts';
import { writeOutcome } from './http-client.ts';
import { pause } from './wait.ts';

export interface LoadOptions {
  readonly client: HttpClient;
  /** Keys are this, the writer's number, a slash and the write's number. */
  readonly prefix: string;
  /** 8 by default. */
  readonly writers?: number;
  /** 200 by default. */
  readonly valueBytes?: number;
  /** How long the gateway may try each write, as in `2s`. */
  readonly timeout?: string;
}

/** Ends with its scope. */
export interface Load extends AsyncDisposable {
  readonly acknowledged: ReadonlySet<string>;
  readonly notApplied: ReadonlySet<string>;
  readonly unknown: ReadonlySet<string>;
  /** The value that is written to this key, and to no other. */
  valueFor(key: string): string;
  /** Resolves when the writes under way have ended. */
  stop(): Promise<void>;
}

/** After a write that was not acknowledged: it is the cluster that is to be loaded, not its refusals. */
const refusalPauseMs = 50;

export function startLoad(options: LoadOptions): Load {
  const { client, prefix, writers = 8, valueBytes = 200, timeout } = options;
  const acknowledged = new Set<string>();
  const notApplied = new Set<string>();
  const unknown = new Set<string>();
  const valueFor = (key: string) => `${key} `.repeat(Math.ceil(valueBytes / (key.length + 1))).slice(0, valueBytes);
  let stopping = false;

  const write = async (writer: number): Promise<void> => {
    for (let number = 1; !stopping; number += 1) {
      const key = `${prefix}${writer}/${number}`;
      const query = timeout === undefined ? {} : { query: `timeout=${timeout}` };
      const outcome = await writeOutcome(client.put(key, valueFor(key), query));
      if (outcome === 'acknowledged') {
        acknowledged.add(key);
        continue;
      }
      (outcome === 'unknown' ? unknown : notApplied).add(key);
      await pause(refusalPauseMs);
    }
  };
  const all = Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));

  const stop = async () => {
    stopping = true;
    await all;
  };
  return { acknowledged, notApplied, unknown, valueFor, stop, [Symbol.asyncDispose]: stop };
}

/**
 * Compares what is stored with what the writers were told, as one replica sees it. Gives what is wrong, in words:
 * an acknowledged write that is not there, a write said not to be applied that is, a value that nobody wrote.
 */
export async function findLoadErrors(
  load: Load,
  { client, prefix, replica }: { readonly client: HttpClient; readonly prefix: string; readonly replica?: string },
): Promise<readonly string[]> {
  const stored = new Map<string, ListedItem>();
  for await (const item of client.list(prefix, replica === undefined ? undefined : `replica=${replica}`)) {
    stored.set(item.key, item);
  }
  const lost = [...load.acknowledged].filter((key) => !stored.has(key));
  const risen = [...stored.keys()].filter((key) => !load.acknowledged.has(key) && !load.unknown.has(key));
  const wrong = [...stored.values()].filter(({ key, value }) => value !== load.valueFor(key));
  return [
    ...lost.map((key) => `${key} was acknowledged and is lost`),
    ...risen.map((key) => `${key} was said not to be applied, or never written, and is stored`),
    ...wrong.map(({ key, version }) => `${key} (version ${version}) holds a value that was never written to it`),
  ];
}
