/**
 * What tells the connections of one key apart: the process that dialled, and its lane. A new connection takes the place of
 * its own predecessor and of no other: two processes may share a key, as during a rolling restart.
 */
import { invariant } from '../raft/assert.ts';
import type { Random } from '../raft/interfaces.ts';
import type { PublicKey } from './rpc.ts';

/** From 0, below `lanesMax`: the connections of one process to the same peer. */
export type Lane = number;

export const lanesMax = 4;
/** With one key. One more takes the place of that which was silent for longest: it may be dead and not known to be. */
export const processesMax = 4;

/** Drawn by lot when a process starts, as hex digits. */
export type ProcessId = string;

const processBytes = 8;

export function drawProcessId(random: Random): ProcessId {
  const bytes = Uint8Array.from({ length: processBytes }, () => Math.floor(random.next() * 256));
  return Buffer.from(bytes).toString('hex');
}

export interface Introduction {
  readonly process: ProcessId;
  readonly lane: Lane;
}

/** The payload of a ping. */
export function encodeIntroduction({ process, lane }: Introduction): Uint8Array {
  return Uint8Array.of(lane, ...Buffer.from(process, 'hex'));
}

/** Null if it is none. */
export function decodeIntroduction(payload: Uint8Array | null): Introduction | null {
  const [lane, ...process] = payload ?? [];
  if (lane === undefined || lane >= lanesMax || process.length !== processBytes) return null;
  return { process: Buffer.from(process).toString('hex'), lane };
}

/** The smallest that none of these connections has taken to this peer. */
export function freeLane(
  connections: Iterable<{ readonly publicKey: PublicKey; readonly lane: Lane }>,
  publicKey: PublicKey,
): Lane {
  const taken = new Set<Lane>();
  for (const connection of connections) if (connection.publicKey === publicKey) taken.add(connection.lane);
  let lane = 0;
  while (taken.has(lane)) lane++;
  invariant(lane < lanesMax, `there are at most ${lanesMax} connections to one peer`);
  return lane;
}
