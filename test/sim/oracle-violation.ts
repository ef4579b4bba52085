/** What the oracle ends a run with: the property that does not hold, and where. */

export type Property =
  | 'election safety'
  | 'leader append-only'
  | 'log matching'
  | 'leader completeness'
  | 'state machine safety'
  | 'one vote per term'
  | 'votes are judged by the log'
  | 'terms begin with a candidacy'
  | 'what is promised is durable'
  | 'what was durable survives'
  | 'what is committed is on a quorum of disks'
  | 'only entries of its own term are committed by counting'
  | 'acknowledgements speak of the leader’s log'
  | 'leaders count what was acknowledged'
  | 'leaders are in contact with a quorum'
  | 'leaders have a disk that writes'
  | 'a leader that is heard is not replaced'
  | 'a sound disk is taken for sound'
  | 'reads are not stale'
  | 'one replica by itself'
  | 'frames are what their sender is';

export class SafetyViolation extends Error {
  override readonly name = 'SafetyViolation';
  readonly property: Property;

  constructor(property: Property, message: string) {
    super(`${property}: ${message}`);
    this.property = property;
  }
}

export function stale(message: string): SafetyViolation {
  return new SafetyViolation('reads are not stale', message);
}

export function notDurable(message: string): SafetyViolation {
  return new SafetyViolation('what is promised is durable', message);
}
