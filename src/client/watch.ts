/** Watches that go on through whatever becomes of gateways: each change once, in order. */
import type { CollectionDrop, DocumentDelete, DocumentPut, KeyDelete, KeyPut } from '../gateway/schemas/watch.ts';
import { BazarError, CompactedError, errorOf, reasonOf } from './errors.ts';
import { backoffMs, pause, retryAfterMs } from './pacing.ts';
import { EventParser, type ServerEvent } from './sse.ts';
import { step, withQuery } from './target.ts';
import type { Transport } from './transport.ts';

export type Watched = { readonly prefix: string } | { readonly collection: string };

export interface WatchOptions {
  /** What comes after it: the revision of an answer, or `at` of a change. Without: from now on. */
  readonly from?: number | string;
  /** Ends the watch: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** So long it is tried to go on where no gateway answers; 60,000 if it is left out. */
  readonly giveUpMs?: number;
}

/** `at`: whoever has seen the change goes on from there. */
interface Changed<Type> {
  readonly type: Type;
  readonly at: string;
}

export type KeyChange = (Changed<'put'> & KeyPut) | (Changed<'delete'> & KeyDelete);
/** `drop`: the collection is gone with all its documents, of which nothing more is told. */
export type DocumentChange =
  | (Changed<'put'> & DocumentPut)
  | (Changed<'delete'> & DocumentDelete)
  | (Changed<'drop'> & CollectionDrop);

const giveUpMsDefault = 60_000;
/** Gateways say something every 15 s. */
const silenceMsMax = 40_000;

/** What has become of one connection. */
type End = { readonly error: BazarError; readonly waitMs: number };

/**
 * Rejects with CompactedError if what comes next is not kept any more, with BazarError if the gateway refuses the watch or none
 * answers for too long.
 */
export async function* watch<Change>(
  transport: Transport,
  watched: Watched,
  { from, signal, giveUpMs = giveUpMsDefault }: WatchOptions = {},
): AsyncGenerator<Change, void, undefined> {
  const path = 'prefix' in watched ? '/v1/watch' : `/v1/collections/${step(watched.collection)}/watch`;
  const target = withQuery(path, 'prefix' in watched && watched.prefix !== '' ? { prefix: watched.prefix } : {});
  let at = from === undefined ? null : String(from);
  /** Whoever takes his time over a change, or whose machine sleeps, is not without a gateway: it is tried first. */
  let failingSince: number | null = null;
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    const resumed = at === null ? {} : { 'Last-Event-ID': at };
    const headers = transport.headersWith({ Accept: 'text/event-stream', ...resumed });
    const connection = new Connection(signal);
    try {
      for await (const event of connection.events(transport, target, headers)) {
        attempt = 0;
        failingSince = null;
        at = event.id ?? at;
        const change = changeOf(event);
        if (change !== null) yield change as Change;
      }
    } finally {
      connection.close();
    }
    signal?.throwIfAborted();
    const { error, waitMs } = connection.end;
    const isFinal = error.status !== null && error.status !== 429 && error.status < 500;
    failingSince ??= performance.now();
    if (isFinal || performance.now() - failingSince >= giveUpMs) throw error;
    transport.turn();
    await pause(Math.max(waitMs, backoffMs(attempt + 1)), signal);
  }
}

const changes = new Set(['put', 'delete', 'drop']);

/** Null: it is no change. */
function changeOf({ name, id, data }: ServerEvent): unknown {
  if (changes.has(name)) return { type: name, at: id, ...(JSON.parse(data) as object) };
  if (name !== 'compacted') return null;
  const { compactedRevision } = JSON.parse(data) as { readonly compactedRevision: number };
  const detail = `the changes up to revision ${compactedRevision} are not kept any more; read what there is now, and watch from the revision of that`;
  throw new CompactedError(detail, compactedRevision, null);
}

class Connection {
  readonly #abort = new AbortController();
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.#abort.abort();
  #silence: ReturnType<typeof setTimeout> | undefined;
  #end: End = { error: new BazarError('the gateway ended the watch', { code: 'unreachable' }), waitMs: 0 };

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Why it ended. */
  get end(): End {
    return this.#end;
  }

  /** Ends where the connection does, and never rejects. */
  async *events(
    transport: Transport,
    target: string,
    headers: Readonly<Record<string, string>>,
  ): AsyncGenerator<ServerEvent, void, undefined> {
    try {
      this.#heard();
      const response = await transport.open(target, headers, this.#abort.signal);
      if (!response.ok) {
        this.#end = {
          error: errorOf(response.status, await response.text(), false),
          waitMs: retryAfterMs(response.headers),
        };
        return;
      }
      const parser = new EventParser();
      // An iterator would wait for the end of the stream where whoever watches leaves, and not every browser has it.
      const reader = response.body?.getReader();
      for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) {
        this.#heard();
        yield* parser.take(read.value);
      }
    } catch (cause) {
      const error = new BazarError(`no gateway answered${reasonOf(cause)}`, { code: 'unreachable', cause });
      this.#end = { error, waitMs: 0 };
    }
  }

  close(): void {
    clearTimeout(this.#silence);
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#abort.abort();
  }

  #heard(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#abort.abort(), silenceMsMax);
  }
}
