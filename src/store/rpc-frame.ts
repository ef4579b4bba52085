/**
 * What one message of @hyperswarm/rpc holds: a version byte, then the payload. An empty frame means "refused".
 */
import type RPC from '@hyperswarm/rpc';
import { invariant } from '../raft/assert.ts';
import { rpcBytesMax } from './rpc.ts';

const version = 1;

/** Null: refused, or a frame of a version that this process does not know. */
export type Frame = Uint8Array | null;

/** Events travel in both directions, the others from the end that dialled. A ping says which connection it is (rpc-lane.ts). */
export const methods = { event: 'event', request: 'request', ping: 'ping' } as const;

export function checkFrameSize(bytes: Uint8Array): void {
  invariant(bytes.byteLength <= rpcBytesMax, `a frame is at most ${rpcBytesMax} bytes, got ${bytes.byteLength}`);
}

/** Total in both directions. A decoded payload is a view of a pooled block of 64 KiB: copy what is kept. */
export const frameEncoding: RPC.Encoding<Frame> = {
  preencode(state, payload) {
    if (payload !== null) state.end += 1 + payload.byteLength;
  },
  encode(state, payload) {
    if (payload === null) return;
    state.buffer[state.start] = version;
    state.buffer.set(payload, state.start + 1);
    state.start += 1 + payload.byteLength;
  },
  decode(state) {
    const { buffer, start, end } = state;
    state.start = end;
    return start < end && buffer[start] === version ? buffer.subarray(start + 1, end) : null;
  },
};
