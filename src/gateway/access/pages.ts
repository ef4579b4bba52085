/**
 * Writes that a page of somebody else has a browser send. Where there are no tokens a browser beside the gateway may do
 * everything, and it sends a plain POST for whichever page it shows, without asking first.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { HttpProblem } from '../errors.ts';

/** Throws HttpProblem (403). Only browsers send what is looked at, and pages cannot change it. */
export function checkPage(
  { method, headers }: { readonly method: string; readonly headers: IncomingHttpHeaders },
  origins: readonly string[],
): void {
  if (method === 'GET' || method === 'HEAD') return;
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  if (site === 'same-origin' || site === 'none') return;
  if (origin === undefined && site === undefined) return;
  if (origin !== undefined && (origins.includes('*') || origins.includes(origin))) return;
  if (site === undefined && origin !== undefined && hostOf(origin) === host) return;
  throw new HttpProblem(
    'foreign_page',
    'a page of another origin wants to write; --cors-origin of the gateway says which may, and tokens end the question',
  );
}

/** Of `http://a:1` it is `a:1`. */
const hostOf = (origin: string): string => origin.replace(/^[a-z]+:\/\//, '');
