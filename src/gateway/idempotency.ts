/**
 * Requests that are made again (draft-ietf-httpapi-idempotency-key-header): the key that the client gave, and a fingerprint by
 * which another request with the same key is told from the same one. The answers are kept by the store.
 */
import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type Idempotency, idempotencyKeyProblem } from '../store/client.ts';
import { HttpProblem, quote } from './errors.ts';

export interface KeyedRequest {
  readonly method: string;
  /** As it was sent, up to the question mark. */
  readonly path: string;
  /** What follows it. */
  readonly querystring: string;
  readonly headers: IncomingHttpHeaders;
}

/** Null without the header. Throws HttpProblem for one that is none, and where one is required. */
export function idempotencyOf(request: KeyedRequest, body: Uint8Array, required: boolean): Idempotency | null {
  const header = request.headers['idempotency-key'];
  if (header === undefined) {
    if (!required) return null;
    throw new HttpProblem(
      'idempotency_key_required',
      'this needs the header Idempotency-Key: a text that you choose for the request, and send again with it if no answer comes',
    );
  }
  const key = unquoted(String(header));
  const reason = idempotencyKeyProblem(key);
  if (reason !== null) throw new HttpProblem('bad_header', `Idempotency-Key ${quote(key)}: ${reason}`);
  return { key, fingerprint: fingerprintOf(request, body) };
}

/** The draft has a text of structured fields (RFC 9651): in quotes, which with a backslash before them are part of it. */
function unquoted(header: string): string {
  if (!/^"(?:[^"\\]|\\["\\])*"$/.test(header)) return header;
  return header.slice(1, -1).replace(/\\(["\\])/g, '$1');
}

/** How long the client waits is not part of what it asks for. No part but the last can have a byte 0. */
function fingerprintOf({ method, path, querystring, headers }: KeyedRequest, body: Uint8Array): Uint8Array {
  const asked = querystring.split('&').filter((pair) => pair !== '' && !/^timeout(?:=|$)/.test(pair));
  const parts = [method, path, asked.join('&'), headers['content-type'] ?? ''];
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.update(body).digest();
}

/** What this gateway is about to answer. At another one the store sees to it that nothing is done twice. */
export class InProgress {
  readonly #keys = new Set<string>();

  /** Throws HttpProblem while a request with the same key is on its way. */
  async during<T>(idempotency: Idempotency | null, work: () => Promise<T>): Promise<T> {
    if (idempotency === null) return work();
    const { key } = idempotency;
    if (this.#keys.has(key)) {
      throw new HttpProblem(
        'idempotency_in_progress',
        'a request with this Idempotency-Key is being answered at this moment; send it again for the same answer',
        'unknown',
      );
    }
    this.#keys.add(key);
    try {
      return await work();
    } finally {
      this.#keys.delete(key);
    }
  }
}

/** Of an answer. */
export function replayHeaders({ replayed }: { readonly replayed: boolean }): readonly string[] {
  return replayed ? ['Idempotency-Replayed', '?1'] : [];
}
