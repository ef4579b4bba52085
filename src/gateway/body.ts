/**
 * Bodies of requests, as raw bytes.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { HttpProblem } from './errors.ts';
import type { Share } from './in-flight.ts';

/** What a body is, in words. */
export type BodyKind = 'value' | 'document' | 'patch' | 'definition' | 'transaction' | 'request';

/** The client went away before its request was whole: there is nobody to answer. */
export class ClientGoneError extends Error {
  override readonly name = 'ClientGoneError';
}

/**
 * Throws HttpProblem: before anything is read where the header tells that the body is too large or coded, as soon as
 * the limit is passed where it does not.
 */
export async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  share: Share,
  bytesMax: number,
  what: BodyKind = 'value',
): Promise<Buffer> {
  checkCodings(request);
  const contentLength = request.headers['content-length'];
  if (contentLength === undefined && request.headers['transfer-encoding'] === undefined) return Buffer.alloc(0);
  const declared = Number(contentLength ?? 0);
  if (declared > bytesMax) throw tooLarge(what, bytesMax, `${declared}`);
  share.take(declared);
  if (request.headers.expect !== undefined) response.writeContinue();
  return await collect(request, contentLength === undefined ? share : null, bytesMax, what);
}

function collect(
  request: IncomingMessage,
  undeclared: Share | null,
  bytesMax: number,
  what: BodyKind,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      try {
        if (bytes > bytesMax) throw tooLarge(what, bytesMax, 'more');
        undeclared?.take(chunk.length);
        chunks.push(chunk);
      } catch (problem) {
        settle();
        reject(problem);
      }
    };
    const onEnd = () => {
      settle();
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, bytes));
    };
    const onClose = () => {
      settle();
      reject(new ClientGoneError('the connection closed before the request was whole'));
    };
    const settle = () => {
      request.off('data', onData);
      request.off('end', onEnd);
      request.off('close', onClose);
    };
    request.on('data', onData);
    request.on('end', onEnd);
    request.on('close', onClose);
  });
}

/**
 * Throws away what is still to come of a refused body. Closing at once would reset the connection, and the client would
 * never see the answer; reading for ever would make the limit worthless.
 */
export function discardRest(request: IncomingMessage, bytesMax: number): void {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > bytesMax) request.destroy();
  });
}

/** A coded body would be stored coded and sent back as if it were not. */
function checkCodings(request: IncomingMessage): void {
  const contentCoding = request.headers['content-encoding'] ?? 'identity';
  if (contentCoding.toLowerCase() !== 'identity') {
    throw new HttpProblem('unsupported_encoding', 'Content-Encoding: expected none; send the value as it is');
  }
  const transferCoding = request.headers['transfer-encoding'] ?? 'chunked';
  if (transferCoding.toLowerCase() !== 'chunked') {
    throw new HttpProblem('unsupported_encoding', 'Transfer-Encoding: expected chunked or none');
  }
  if (request.headers['content-range'] !== undefined) {
    throw new HttpProblem('bad_header', 'Content-Range: expected none; a value is replaced as a whole');
  }
}

function tooLarge(what: BodyKind, bytesMax: number, got: string): HttpProblem {
  const code = what === 'value' ? 'value_too_large' : 'too_large';
  return new HttpProblem(code, `a ${what} is at most ${bytesMax} bytes, got ${got}`);
}
