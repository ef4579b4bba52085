/**
 * Cross-origin requests (the Fetch standard): which pages of other origins may read answers. Bearer tokens are sent by
 * pages that have them, never by a browser of its own accord: credentials in that standard's sense do not exist here.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Kind, UsageError } from '../../config.ts';

export interface Cors {
  /** Either origins, or `*` alone. */
  readonly origins: readonly string[];
  /** Sees to what every answer to this request says; to be called before it is answered. */
  readonly prepare: (request: IncomingMessage, response: ServerResponse) => void;
  /** What the answer to a preflight says besides; none for any other OPTIONS. */
  readonly preflight: (request: IncomingMessage, methods: readonly string[]) => readonly string[];
}

/** What a page may read besides what every page may. */
const exposed = [
  'Age',
  'Allow',
  'Bazar-Expires-At',
  'Bazar-Max-Staleness-Ms',
  'Bazar-Revision',
  'Bazar-Served-By',
  'Cache-Status',
  'Content-Location',
  'Date',
  'ETag',
  'Idempotency-Replayed',
  'Link',
  'Location',
  'Retry-After',
  'WWW-Authenticate',
].join(', ');

/** What a page may send. */
const allowed = [
  'Accept',
  'Authorization',
  'Bazar-Min-Revision',
  'Cache-Control',
  'Content-Type',
  'Idempotency-Key',
  'If-Match',
  'If-None-Match',
  'Last-Event-ID',
].join(', ');

/** How long a browser may keep the answer to a preflight. */
const maxAgeSeconds = '600';

export function createCors(origins: readonly string[]): Cors {
  const anyone = origins.includes('*');
  const headersFor = (origin: string) => [
    'Access-Control-Allow-Origin',
    origin,
    'Access-Control-Expose-Headers',
    exposed,
  ];
  // Whoever keeps answers must not give one page what was said to another.
  const vary = anyone ? [] : ['Vary', 'Origin'];
  const forAnyone = headersFor('*');
  const known = new Map(origins.map((origin) => [origin, [...vary, ...headersFor(origin)]]));

  const isKnown = ({ headers }: IncomingMessage) => anyone || known.has(headers.origin ?? '');

  return {
    origins,
    prepare(request, response) {
      const headers = anyone ? forAnyone : (known.get(request.headers.origin ?? '') ?? vary);
      const writeHead = response.writeHead.bind(response) as HeadWriter;
      (response as { writeHead: HeadWriter }).writeHead = (status, own = []) => writeHead(status, [...headers, ...own]);
    },
    preflight(request, methods) {
      if (!isKnown(request) || request.headers['access-control-request-method'] === undefined) return [];
      const names = ['Access-Control-Allow-Methods', methods.join(', '), 'Access-Control-Allow-Headers', allowed];
      return [...names, 'Access-Control-Max-Age', maxAgeSeconds];
    },
  };
}

/** The one form in which answers are written here: names and values in turn. */
type HeadWriter = (status: number, headers?: readonly string[]) => ServerResponse;

/** `https://a.example,https://b.example`, or `*`. */
export const corsOrigins: Kind<readonly string[]> = {
  placeholder: 'ORIGINS',
  parse(text) {
    if (text === '*') return ['*'];
    const origins = text.split(',');
    const wrong = origins.find((origin) => !isOrigin(origin));
    if (wrong === undefined) return origins;
    const expected =
      'expected origins such as https://shop.example or http://127.0.0.1:3000, with commas between, or * alone';
    throw new UsageError(`${expected}; no path, no slash at the end`);
  },
};

function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}
