/**
 * What tells the connections of one process to the same peer apart, so that a new one takes the place of its own
 * predecessor and of no other.
 */
import { invariant } from '../raft/assert.ts';
import type { PublicKey } from './rpc.ts';

/** From 0, below `lanesMax`. */
export type Lane = number;

export const lanesMax = 4;

/** The smallest that none of these connections has taken to this peer: the same ones again after a restart. */
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
