/** What can go wrong, as plain data. Whom it hits is said by role or number, and decided when it happens. */
import type {
  CrashKind,
  CrashMoment,
  DamageKind,
  DatabasePart,
  RestoredPart,
  WitnessDamage,
  WitnessSlotKind,
  WriteFailure,
} from './disk.ts';
import type { Storm } from './plan-weather.ts';

/** A number is a place in the cluster, from 1. Where nobody has the role, it is somebody who runs. */
export type OneTarget = 'leader' | 'follower' | number;
export type GroupTarget = OneTarget | 'minority' | 'majority' | 'all';

export interface Outage {
  readonly kind: CrashKind;
  readonly downMs: number;
  /** So often more it is let up for `upMs`, and crashes again: small ones hit its start. */
  readonly again: number;
  readonly upMs: number;
}

/** At the `nth` write from now on: instead of its end, right after it, or soon after the process has heard of it. */
export interface WriteCrash {
  readonly nth: number;
  readonly moment: CrashMoment;
  /** Each new life is given `upMs` to come to one of its first writes, where it crashes again. */
  readonly outage: Outage;
}

export const partitionShapes = [
  /** A minority and a majority; gateways on either side, or reaching both. */
  'halves',
  /** From the other replicas; gateways still reach it. */
  'leaderIsolated',
  /** A gateway stays with it. */
  'leaderWithGateway',
  /** From everybody. */
  'oneIsolated',
  /** It sends and hears nothing. */
  'oneDeaf',
  /** It hears and cannot answer. */
  'oneMute',
  /** The leader and one follower. */
  'onePair',
  /** Two halves with one replica in common. */
  'bridge',
  /** Each sees a majority, and each another one. */
  'majoritiesRing',
  /** Each replica alone. */
  'allApart',
  'gatewayIsolated',
  /** Some gateways reach all replicas but the leader. */
  'gatewaysWithoutLeader',
  /** Clients reach one gateway no more. */
  'gatewayUnreachable',
] as const;
export type PartitionShape = (typeof partitionShapes)[number];

export type Action =
  | { readonly type: 'partition'; readonly shape: PartitionShape; readonly durationMs: number }
  /** The same cut, made and healed again and again. */
  | {
      readonly type: 'flapping';
      readonly shape: PartitionShape;
      readonly periodMs: number;
      readonly durationMs: number;
    }
  /** One replica after the other is cut off from the rest, and the one before joined again: leaders hardly begin their work. */
  | {
      readonly type: 'rotation';
      readonly whom: 'leader' | 'anybody';
      readonly periodMs: number;
      readonly durationMs: number;
      /** Meanwhile all disks are slower by so much: votes come late, and logs are cut while a batch is being written. */
      readonly extraMs?: number;
      /** Meanwhile some packets are late, by so much at most. */
      readonly lateMs?: number;
      /** From each turn on all disks are full for so long: what the old leader took is refused by the new one. */
      readonly fullMs?: number;
      /** Whoever is joined again at a turn crashes, while its log is cut. */
      readonly crash?: WriteCrash;
    }
  /** The leader and all gateways are cut off: its log grows alone, and is cut when it is joined to another leader again. */
  | {
      readonly type: 'deposition';
      readonly durationMs: number;
      /** Its disk is slower by so much, and as long after it was joined again: its log is cut while a batch is being written. */
      readonly extraMs?: number;
      /** Once it is joined again, while its log is cut. */
      readonly crash?: WriteCrash;
      /** With the crash it loses the end of its log, perhaps that which cut it. */
      readonly losesTail?: true;
    }
  /** A leader is cut off with some gateways, and another one elected as soon as can be, while leases last. */
  | {
      readonly type: 'usurpation';
      readonly how: (typeof usurpations)[number];
      /** Before the cut: the next leader has lost the present one, or what the present one hears is late. */
      readonly leadMs: number;
      /** A process is down or asleep for so long, or what is late comes so long after the cut. */
      readonly pauseMs: number;
      /** From the cut on. */
      readonly durationMs: number;
    }
  /** Replicas are cut off one by one, and joined again one by one in another order. */
  | { readonly type: 'swizzle'; readonly stepMs: number }
  /** On top of the run's conditions, on all links or on those of one replica. */
  | {
      readonly type: 'storm';
      readonly scope: 'everywhere' | OneTarget;
      readonly lossProbability: number;
      readonly duplicateProbability: number;
      readonly lateProbability: number;
      readonly lateMs: number;
      readonly extraDelayMs: number;
      readonly durationMs: number;
    }
  /** Between one replica and everybody else. */
  | {
      readonly type: 'clog';
      readonly target: OneTarget;
      readonly direction: 'in' | 'out' | 'both';
      /** In packets, on each link. */
      readonly capacity: number;
      readonly durationMs: number;
    }
  | { readonly type: 'crash'; readonly target: GroupTarget; readonly outage: Outage }
  | ({ readonly type: 'crashAtWrite'; readonly target: OneTarget } & WriteCrash)
  | { readonly type: 'pause'; readonly target: GroupTarget; readonly durationMs: number }
  | { readonly type: 'suspend'; readonly target: GroupTarget; readonly durationMs: number }
  | { readonly type: 'slowProcess'; readonly target: OneTarget; readonly eventMs: number; readonly durationMs: number }
  | { readonly type: 'clockRate'; readonly target: OneTarget; readonly rate: number; readonly durationMs: number }
  | { readonly type: 'slowDisk'; readonly target: GroupTarget; readonly extraMs: number; readonly durationMs: number }
  | { readonly type: 'stalledDisk'; readonly target: GroupTarget; readonly durationMs: number }
  | { readonly type: 'fullDisk'; readonly target: GroupTarget; readonly durationMs: number }
  | {
      readonly type: 'failingWrites';
      readonly target: OneTarget;
      readonly code: WriteFailure;
      readonly count: number;
      readonly durationMs: number;
    }
  /** This and what follows happens while the replica is down. */
  | {
      readonly type: 'damage';
      readonly target: OneTarget;
      readonly part: DatabasePart;
      readonly kind: DamageKind;
      readonly outage: Outage;
      /** In the life that finds it. */
      readonly crash?: WriteCrash;
    }
  | {
      readonly type: 'witnessDamage';
      readonly target: OneTarget;
      readonly which: WitnessSlotKind;
      readonly how: WitnessDamage;
      readonly outage: Outage;
    }
  | {
      readonly type: 'staleCopy';
      readonly target: OneTarget;
      readonly part: RestoredPart;
      /** The copy is made at `atMs`, and put back this much later. */
      readonly ageMs: number;
      readonly outage: Outage;
      /** In the life that finds it. */
      readonly crash?: WriteCrash;
    }
  | { readonly type: 'wipe'; readonly target: OneTarget; readonly outage: Outage }
  /** Gateways are counted from 1 as well. */
  | { readonly type: 'gatewayCrash'; readonly gateway: number; readonly downMs: number }
  | { readonly type: 'gatewayPause'; readonly gateway: number; readonly durationMs: number }
  /** Nobody reads there; writes go on. After a second it gives its lease back. */
  | { readonly type: 'gatewayRest'; readonly gateway: number; readonly durationMs: number }
  | {
      readonly type: 'slowGateway';
      readonly gateway: number;
      readonly eventMs: number;
      readonly durationMs: number;
    }
  /** As 'storm', on all links of one gateway: what is lost of its stream leaves a gap. */
  | ({ readonly type: 'gatewayStorm'; readonly gateway: number; readonly durationMs: number } & Storm)
  /** Cut off from all replicas; meanwhile its machine sleeps at first, or its wall clock is set. */
  | {
      readonly type: 'gatewayAlone';
      readonly gateway: number;
      /** It hears nothing, or is heard by nobody. */
      readonly direction: 'in' | 'out' | 'both';
      readonly sleepMs?: number;
      /** Forward, or back. */
      readonly wallStepMs?: number;
      readonly durationMs: number;
    }
  /** What comes to one gateway is late, if it is of this kind: the stream, or answers of replicas that do not lead. */
  | {
      readonly type: 'slowPackets';
      readonly gateway: number;
      readonly kind: SlowPackets;
      readonly extraMs: number;
      readonly durationMs: number;
    }
  /** As 'clog', between one gateway and everybody else. */
  | {
      readonly type: 'gatewayClog';
      readonly gateway: number;
      readonly direction: 'in' | 'out' | 'both';
      readonly capacity: number;
      readonly durationMs: number;
    };

export const usurpations = [
  'plain',
  /** The next leader has lost the old one before; the others follow it still, write nothing, restart, and have no leader. */
  'votersRestart',
  /** The old leader's machine, from the cut on. */
  'leaderSleeps',
  /** What the old leader hears from the others is late: it has left before the cut, and comes a while after. */
  'lateAnswers',
] as const;

export const slowPackets = ['push', 'answer'] as const;
export type SlowPackets = (typeof slowPackets)[number];

/** `choice` seeds what the fault itself leaves to chance, so that taking one fault away changes nothing in the others. */
export type Fault = Action & { readonly atMs: number; readonly choice: number };

/** Of the probe, and of the counts: what sort of fault it is. */
export function faultName(fault: Action): string {
  switch (fault.type) {
    case 'partition':
    case 'flapping':
      return `${fault.type} ${fault.shape}`;
    case 'rotation':
      return `rotation of ${fault.whom}${rotationTroubles(fault)}`;
    case 'deposition':
      return `deposition${fault.extraMs ? ', slow disk' : ''}${fault.losesTail ? ', loses its tail' : ''}${crashes(fault)}`;
    case 'crash':
      return `crash (${fault.outage.kind})${againAndAgain(fault.outage)}`;
    case 'crashAtWrite':
      return `crash at a write, ${momentWords[fault.moment]} (${fault.outage.kind})${againAndAgain(fault.outage)}`;
    case 'usurpation':
      return `usurpation, ${fault.how}`;
    case 'gatewayAlone':
      return `gateway alone${fault.sleepMs === undefined ? '' : ', asleep'}${fault.wallStepMs === undefined ? '' : ', clock set'}`;
    case 'slowPackets':
      return `slow packets, ${fault.kind}`;
    case 'failingWrites':
      return `failing writes ${fault.code}`;
    case 'damage':
      return `damage ${fault.part} ${fault.kind}${crashes(fault)}`;
    case 'witnessDamage':
      return `damage witness ${fault.which} ${fault.how}`;
    case 'staleCopy':
      return `stale copy of ${fault.part}${crashes(fault)}`;
    default:
      return fault.type;
  }
}

const momentWords = { before: 'in flight', after: 'done', heard: 'done and heard of' } as const satisfies Record<
  CrashMoment,
  string
>;

function againAndAgain({ again }: Outage): string {
  return again > 0 ? ', again and again' : '';
}

function crashes({ crash }: { readonly crash?: WriteCrash }): string {
  return crash === undefined ? '' : ', crashes';
}

function rotationTroubles(fault: Extract<Action, { type: 'rotation' }>): string {
  const troubles = [
    ['slow disks', fault.extraMs],
    ['late packets', fault.lateMs],
    ['full disks', fault.fullMs],
  ] as const;
  return troubles.map(([name, trouble]) => (trouble === undefined ? '' : `, ${name}`)).join('') + crashes(fault);
}

/** One line for a person. */
export function faultLine({ type, atMs, choice: _, ...details }: Fault): string {
  return `${atMs.toFixed(0).padStart(6)} ms  ${type} ${words(details)}`;
}

function words(details: object): string {
  return Object.entries(details)
    .map(([name, value]) => {
      if (typeof value === 'object') return `${name} (${words(value)})`;
      return `${name} ${typeof value === 'number' ? Number(value.toFixed(4)) : value}`;
    })
    .join(', ');
}
