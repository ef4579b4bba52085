/** A watch that outlives connections and gateways: it goes on behind what it has seen, wherever it gets through. */
import { setTimeout as delay } from 'node:timers/promises';
import { exitCodes, Failure } from './failure.ts';
import { type Answer, failureOf, type HttpClient } from './http-client.ts';

/** A change as the gateway sends it. */
export interface ShownChange {
  readonly event: 'put' | 'delete' | 'drop';
  readonly revision: number;
  readonly expired?: boolean;
  readonly key?: string;
  readonly collection?: string;
  readonly documentId?: string;
  readonly document?: unknown;
  readonly value?: string;
  readonly size?: number;
  readonly contentType?: string;
}

export interface WatchLine {
  readonly change: ShownChange;
  /** As it came. */
  readonly text: string;
}

export interface FollowOptions {
  /** One for each gateway, in the order in which they are tried. */
  readonly clients: readonly Pick<HttpClient, 'stream'>[];
  /** Of a watch, with what it is of. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Null: from now on. */
  readonly from: string | null;
  /** How long no gateway may be got through to. */
  readonly timeoutMs: number;
  readonly interrupted: AbortSignal;
  /** Of one piece that arrived, in order. The next one waits for it. */
  readonly onChanges: (changes: readonly WatchLine[]) => Promise<void>;
}

/** Asked of the gateway, so that silence means something. */
const bookmarks = '5s';
const silenceMs = 20_000;
const firstDelayMs = 50;
const delayMsMax = 2000;
const answersToRetry: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Settles on interruption; a Failure when it cannot go on. */
export async function follow(options: FollowOptions): Promise<void> {
  const { clients, interrupted, timeoutMs } = options;
  let id = options.from;
  let brokeAt = performance.now();
  let delayMs = firstDelayMs;
  for (let attempt = 0; !interrupted.aborted; attempt++) {
    const client = clients[attempt % clients.length] as FollowOptions['clients'][number];
    const failure = await watchOnce(client, options, id, (seen) => {
      id = seen;
      brokeAt = Number.POSITIVE_INFINITY;
      delayMs = firstDelayMs;
    });
    if (interrupted.aborted) return;
    // It had got through: the time begins now.
    if (brokeAt === Number.POSITIVE_INFINITY) brokeAt = performance.now();
    const waitMs = delayMs * (0.5 + Math.random() / 2);
    if (performance.now() + waitMs - brokeAt > timeoutMs) {
      throw new Failure(`${failure.message}; gave up after ${timeoutMs} ms`, exitCodes.unavailable);
    }
    await delay(waitMs, undefined, { signal: interrupted }).catch(() => undefined);
    // All gateways in turn, before it slows down.
    if ((attempt + 1) % clients.length === 0) delayMs = Math.min(2 * delayMs, delayMsMax);
  }
}

/** Why it ended. Throws where another attempt would end alike. */
async function watchOnce(
  client: Pick<HttpClient, 'stream'>,
  { path, query, interrupted, onChanges }: FollowOptions,
  from: string | null,
  onSeen: (id: string) => void,
): Promise<Failure> {
  let rest = '';
  const decoder = new TextDecoder();
  try {
    const answer = await client.stream(
      {
        path,
        query: { ...query, from, bookmarks },
        headers: { Accept: 'application/x-ndjson' },
        timeoutMs: silenceMs,
        interrupted,
      },
      async (piece) => {
        const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
        rest = lines.pop() ?? '';
        await take(lines, onChanges, onSeen);
      },
    );
    if (answer.status !== 200) return refusalOf(answer);
    return new Failure('the gateway ended the watch', exitCodes.unavailable);
  } catch (error) {
    if (error instanceof Failure && error.exitCode === exitCodes.unavailable) return error;
    throw error;
  }
}

interface Line extends Omit<ShownChange, 'event'> {
  readonly event: string;
  readonly id?: string;
  readonly from?: string;
  readonly compactedRevision?: number;
}

async function take(
  texts: readonly string[],
  onChanges: FollowOptions['onChanges'],
  onSeen: (id: string) => void,
): Promise<void> {
  const lines = texts.map((text) => ({ text, line: JSON.parse(text) as Line }));
  const changes = lines.flatMap(({ text, line }) => (isChange(line) ? [{ text, change: line }] : []));
  if (changes.length > 0) await onChanges(changes);
  for (const { line } of lines) {
    if (line.id !== undefined) onSeen(line.id);
    if (line.event === 'compacted') throw compacted(line.compactedRevision);
  }
}

function isChange(line: Line): line is Line & ShownChange {
  return line.event === 'put' || line.event === 'delete' || line.event === 'drop';
}

function refusalOf(answer: Answer): Failure {
  const failure = failureOf(answer);
  if (answersToRetry.has(answer.status)) return new Failure(failure.message, exitCodes.unavailable);
  throw failure;
}

function compacted(compactedRevision: number | undefined): Failure {
  return new Failure(
    `the changes up to revision ${compactedRevision} are not kept any more; read what there is now, and watch --from its revision`,
  );
}
