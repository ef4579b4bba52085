/** What less there can be of one fault. */
import type { Fault, Outage, WriteCrash } from './plan-fault.ts';

/** Null: it has none of that to give up. */
export type Less = (fault: Fault) => Fault | null;

/** Faults that are shorter are not made shorter still. */
const shortMs = 20;

/** What may be left out, by type: a storm or a slow disk is nothing without what goes by the same name there. */
const optionalNames: Readonly<Partial<Record<Fault['type'], readonly string[]>>> = {
  rotation: ['extraMs', 'lateMs', 'fullMs', 'crash'],
  deposition: ['extraMs', 'losesTail', 'crash'],
  gatewayAlone: ['sleepMs', 'wallStepMs'],
  damage: ['crash'],
  staleCopy: ['crash'],
};

/** Each leaves out one of the things that some faults bring along. */
export const withoutOptional: readonly Less[] = [...new Set(Object.values(optionalNames).flat())].map(
  (name) => (fault) => {
    if (!(name in fault) || !optionalNames[fault.type]?.includes(name)) return null;
    return Object.fromEntries(Object.entries(fault).filter(([each]) => each !== name)) as Fault;
  },
);

/** Each to be repeated for as long as it can be: what is given up at once comes first. */
export const smaller: readonly Less[] = [atFirstWrite, shorterCrash, shorter, younger];

function atFirstWrite(fault: Fault): Fault | null {
  if ('nth' in fault) return fault.nth === 1 ? null : { ...fault, nth: 1 };
  const crash = crashOf(fault);
  return crash === null || crash.nth === 1 ? null : ({ ...fault, crash: { ...crash, nth: 1 } } as Fault);
}

function shorterCrash(fault: Fault): Fault | null {
  const crash = crashOf(fault);
  const outage = crash && shorterOutage(crash.outage);
  return outage && ({ ...fault, crash: { ...crash, outage } } as Fault);
}

/** Half as long, or once less. */
function shorter(fault: Fault): Fault | null {
  if ('durationMs' in fault) {
    return fault.durationMs <= shortMs ? null : { ...fault, durationMs: Math.floor(fault.durationMs / 2) };
  }
  if (!('outage' in fault)) return null;
  const outage = shorterOutage(fault.outage);
  return outage && { ...fault, outage };
}

/** Of copies. */
function younger(fault: Fault): Fault | null {
  if (fault.type !== 'staleCopy' || fault.ageMs <= shortMs) return null;
  return { ...fault, ageMs: Math.floor(fault.ageMs / 2) };
}

function shorterOutage(outage: Outage): Outage | null {
  if (outage.again > 0) return { ...outage, again: outage.again - 1 };
  return outage.downMs <= shortMs ? null : { ...outage, downMs: Math.floor(outage.downMs / 2) };
}

/** What a fault brings along on top of what it is. */
function crashOf(fault: Fault): WriteCrash | null {
  return ('crash' in fault && fault.crash) || null;
}
