/** The command line in this process, on streams of its own. */
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { main } from '../../src/cli/main.ts';

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stdoutBytes: Buffer;
  readonly stderr: string;
}

export async function bazar(
  words: readonly string[],
  options: {
    readonly stdin?: string | Uint8Array;
    readonly environment?: NodeJS.ProcessEnv;
    readonly interrupted?: AbortSignal;
  } = {},
): Promise<Ended> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const out = buffer(stdout);
  const errors = buffer(stderr);
  const code = await main(words, {
    stdin: Readable.from(options.stdin === undefined ? [] : [Buffer.from(options.stdin)]),
    stdout,
    stderr,
    environment: options.environment ?? {},
    nextInterruption: () => options.interrupted ?? new AbortController().signal,
    onHangUp() {},
    onSignal() {},
  });
  stdout.end();
  stderr.end();
  const stdoutBytes = await out;
  return { code, stdout: stdoutBytes.toString(), stdoutBytes, stderr: (await errors).toString() };
}
