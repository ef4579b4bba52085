/** Bodies of PATCH (RFC 7396, RFC 5789). */
import type { IncomingHttpHeaders } from 'node:http';
import { HttpProblem, quote } from './errors.ts';

const types = ['application/merge-patch+json', 'application/json'];

/** Throws HttpProblem for a body that says to be anything but a merge patch. */
export function requirePatch({ headers }: { readonly headers: IncomingHttpHeaders }): void {
  const contentType = headers['content-type'];
  const [type = ''] = (contentType ?? '').split(';', 1);
  if (types.includes(type.trim().toLowerCase())) return;
  const got = contentType === undefined ? 'none' : quote(contentType);
  const detail = `Content-Type: expected ${types[0]} for a patch such as {"price":4500}, got ${got}`;
  throw new HttpProblem('unsupported_media_type', detail, 'not_applied', ['Accept-Patch', types.join(', ')]);
}
