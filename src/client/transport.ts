/** One call: over several gateways, with as many attempts as do no harm, within its time. */
import { BazarError, errorOf, reasonOf } from './errors.ts';
import { backoffMs, pause, retryAfterMs } from './pacing.ts';

export interface CallOptions {
  /** Ends the call: it rejects with the signal's reason. What has been sent of a write may happen all the same. */
  readonly signal?: AbortSignal;
  /** For all attempts together, 1 or more; 15,000 unless the client was made with another. */
  readonly timeoutMs?: number;
}

export interface Request {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** With its query, without `timeout`. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /**
   * May be sent again though nobody knows what became of it before: it reads, or has an idempotency key (`always`), or has a
   * precondition, so that it is done once at most (`once`).
   */
  readonly repeat: 'always' | 'once' | 'never';
}

type Whole = Request & Required<Pick<Request, 'headers'>>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

export interface TransportOptions {
  /** Of gateways, one at least. */
  readonly urls: readonly string[];
  readonly token: string | null;
  readonly fetch: typeof globalThis.fetch;
  readonly timeoutMs: number;
  /** 1 or more. */
  readonly attemptsMax: number;
}

/** So long one gateway is tried before another one is. */
const attemptMsMax = 5000;
/** What an answer may take beyond the time that its gateway was given. */
const graceMs = 1000;

type Attempt =
  | { readonly type: 'answer'; readonly answer: Answer }
  /** `mayBeDone`: nobody knows. */
  | { readonly type: 'failed'; readonly error: BazarError; readonly mayBeDone: boolean; readonly waitMs: number };

const retriedStatuses = new Set([429, 503, 504]);

export class Transport {
  readonly #options: TransportOptions;
  /** Where the last answer came from. */
  #turn = 0;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** Rejects with BazarError, or with the reason of the signal. */
  async call(request: Request, { signal, timeoutMs = this.#options.timeoutMs }: CallOptions = {}): Promise<Answer> {
    const endsAt = performance.now() + timeoutMs;
    const headers = this.headersWith(request.headers ?? {});
    let mayBeDone = false;
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      const result = await this.#attempt({ ...request, headers }, endsAt, signal);
      if (result.type === 'answer') return result.answer;
      const { error, waitMs } = result;
      const isRetried = error.status === null || retriedStatuses.has(error.status) || error.code === inProgress;
      // What refuses now may do so because of what an earlier attempt has done; where there is a key, only an answer for good
      // says of all attempts that nothing was done.
      const told = mayBeDone && (request.repeat !== 'always' || isRetried) ? uncertain(error) : error;
      mayBeDone ||= result.mayBeDone;
      if (!isRetried || (mayBeDone && request.repeat === 'never')) throw told;
      const pauseMs = Math.max(waitMs, backoffMs(attempt));
      if (attempt >= this.#options.attemptsMax || performance.now() + pauseMs >= endsAt) throw told;
      await pause(pauseMs, signal);
    }
  }

  /** A response whose body is still to come, from the gateway whose turn it is; `headers` are whole. Rejects as fetch does. */
  open(target: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
    return this.#options.fetch(this.#url(target), { headers, signal });
  }

  /** All that a request bears. Throws BazarError for what no request can: fetch would, each time, as if nobody had answered. */
  headersWith(headers: Readonly<Record<string, string>>): Record<string, string> {
    const { token } = this.#options;
    const all = { ...headers, ...(token === null ? {} : { Authorization: `Bearer ${token}` }) };
    for (const [name, value] of Object.entries(all)) {
      if (isSendable(value)) continue;
      // What it is is not said: it may be a token.
      const detail = `the header ${name} cannot be sent: expected a text in ASCII without line breaks`;
      throw new BazarError(detail, { code: 'bad_header' });
    }
    return all;
  }

  /** The next attempt goes elsewhere, where there is more than one gateway. */
  turn(): void {
    this.#turnFrom(this.#turn);
  }

  /** Of several calls that failed at one gateway the first decides where they go. */
  #turnFrom(failed: number): void {
    if (this.#turn === failed) this.#turn = (failed + 1) % this.#options.urls.length;
  }

  async #attempt(request: Whole, endsAt: number, signal: AbortSignal | undefined): Promise<Attempt> {
    const { method, target, headers, body } = request;
    const isWrite = method !== 'GET';
    const turn = this.#turn;
    const leftMs = Math.max(1, Math.ceil(endsAt - performance.now()));
    const givenMs = Math.min(leftMs, attemptMsMax);
    const bound = AbortSignal.timeout(Math.min(leftMs, givenMs + graceMs));
    const timed = `${target}${target.includes('?') ? '&' : '?'}timeout=${givenMs}ms`;
    try {
      const response = await this.#options.fetch(this.#url(timed), {
        method,
        headers,
        ...(body === undefined ? {} : { body: body as NonNullable<RequestInit['body']> }),
        signal: signal === undefined ? bound : AbortSignal.any([signal, bound]),
      });
      const answer = {
        status: response.status,
        headers: response.headers,
        body: new Uint8Array(await response.arrayBuffer()),
      };
      if (response.ok) return { type: 'answer', answer };
      const error = errorOf(answer.status, new TextDecoder().decode(answer.body), isWrite);
      if (answer.status === 503 || answer.status === 504) this.#turnFrom(turn);
      const mayBeDone = isWrite && error.outcome === 'unknown';
      return { type: 'failed', error, mayBeDone, waitMs: retryAfterMs(answer.headers) };
    } catch (cause) {
      signal?.throwIfAborted();
      this.#turnFrom(turn);
      const mayBeDone = isWrite && !isUnsent(cause);
      return { type: 'failed', error: unanswered(cause, bound.aborted, mayBeDone), mayBeDone, waitMs: 0 };
    }
  }

  #url(target: string): string {
    return `${this.#options.urls[this.#turn]}${target}`;
  }
}

function isSendable(value: string): boolean {
  try {
    new Headers().set('X', value);
    return true;
  } catch {
    return false;
  }
}

/** The first attempt is still on its way, at the same gateway. */
const inProgress = 'idempotency_in_progress';

/** What Node.js says where there was no connection; browsers do not tell. */
const unsentCodes = new Set<unknown>(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']);

function isUnsent(error: unknown): boolean {
  const { cause } = error instanceof Error ? error : {};
  return cause instanceof Error && 'code' in cause && unsentCodes.has(cause.code);
}

function unanswered(cause: unknown, isLate: boolean, mayBeDone: boolean): BazarError {
  const outcome = mayBeDone ? 'unknown' : 'not_applied';
  if (isLate) return new BazarError('no answer came in time', { code: 'deadline', outcome, cause });
  return new BazarError(`no gateway answered${reasonOf(cause)}`, { code: 'unreachable', outcome, cause });
}

function uncertain({ message, code, status, path, problem }: BazarError): BazarError {
  const detail = `${message}; an earlier attempt may have been done`;
  return new BazarError(detail, { code, status, path, problem, outcome: 'unknown' });
}
