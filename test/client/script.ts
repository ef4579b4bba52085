/** A `fetch` that does what a test says, one step for each request. */
import type { BazarClientOptions } from '../../src/client.ts';

export interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body: string | null;
}

/** `hang`: no answer comes until the request is given up. `refused`: there was no connection, as Node.js says it. */
export type Step = Response | 'unreachable' | 'refused' | 'hang';

export interface Script {
  readonly fetch: NonNullable<BazarClientOptions['fetch']>;
  /** In the order in which they came. */
  readonly asked: Asked[];
}

/** The last step is repeated. */
export function scripted(...steps: readonly (Step | ((asked: Asked) => Step))[]): Script {
  const asked: Asked[] = [];
  const fetch: Script['fetch'] = async (input, init = {}) => {
    const { method = 'GET', headers, body, signal } = init;
    const request: Asked = {
      method,
      url: new URL(String(input)),
      headers: new Headers(headers),
      body: typeof body === 'string' ? body : null,
    };
    asked.push(request);
    const next = steps[Math.min(asked.length, steps.length) - 1];
    const step = typeof next === 'function' ? next(request) : next;
    if (step === 'unreachable' || step === undefined) throw new TypeError('fetch failed');
    if (step === 'refused') {
      throw new TypeError('fetch failed', { cause: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }) });
    }
    if (step instanceof Response) return step.clone();
    return new Promise((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason));
    });
  };
  return { fetch, asked };
}

export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } });
}

export function problem(
  status: number,
  code: string,
  members: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Response {
  return json(
    status,
    { type: 'about:blank', title: '', status, detail: `refused: ${code}`, code, ...members },
    headers,
  );
}

/** Of server-sent events; it stays open unless it `ends`. */
export function stream(text: string, { ends }: { readonly ends: boolean }): Response {
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      if (ends) controller.close();
    },
  });
  return new Response(body, { status: 200, headers: { 'Content-Type': 'text/event-stream' } });
}
