/**
 * While a run is under way, real time and real chance are poison to the product: who touches them is named, and the run
 * fails. Node itself and the runner of the tests go on as ever.
 */
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers';
import timersPromises from 'node:timers/promises';

/** Whose calls are looked at: the product, what it is built on, and the simulation. */
const watched = /\/(?:src|test\/sim|test\/history|node_modules\/(?!ava\/))/;

let isInstalled = false;
let runs = 0;
let offence: Error | null = null;

/** Rejects if anything in it reached for the real world, even if that was caught. */
export async function withoutTheRealWorld<T>(run: () => Promise<T>): Promise<T> {
  install();
  if (runs === 0) offence = null;
  runs++;
  try {
    const result = await run();
    if (offence !== null) throw offence;
    return result;
  } finally {
    runs--;
  }
}

function install(): void {
  if (isInstalled) return;
  isInstalled = true;
  poison('Date', Date, ['now']);
  poison('performance', performance, ['now']);
  poison('process', process, ['hrtime']);
  poison('Math', Math, ['random']);
  poison('AbortSignal', AbortSignal, ['timeout']);
  poison('global', globalThis, ['setTimeout', 'setInterval']);
  poison('timers', timers, ['setTimeout', 'setInterval']);
  poison('timers/promises', timersPromises, ['setTimeout', 'setInterval']);
  poison('crypto', crypto, ['randomUUID', 'randomBytes', 'randomInt', 'randomFillSync']);
  poison('webcrypto', crypto.webcrypto, ['randomUUID', 'getRandomValues']);
  globalThis.Date = new Proxy(Date, {
    construct(target, values, newTarget) {
      if (values.length === 0) taste('new Date()');
      return Reflect.construct(target, values, newTarget);
    },
    apply(target) {
      taste('Date()');
      return target();
    },
  });
  // Those who import single names from these modules get the poisoned ones.
  syncBuiltinESMExports();
}

function poison<Owner extends object>(ownerName: string, owner: Owner, names: readonly (keyof Owner & string)[]): void {
  for (const name of names) {
    const real: unknown = owner[name];
    if (typeof real !== 'function') throw new Error(`${ownerName}.${name} is no function`);
    const value = new Proxy(real, {
      apply(target, self, values) {
        taste(`${ownerName}.${name}`);
        return Reflect.apply(target, self, values);
      },
    });
    Object.defineProperty(owner, name, { value, configurable: true, writable: true });
  }
}

function taste(what: string): void {
  if (runs === 0) return;
  const caller = callerOfThisFile();
  if (!watched.test(caller)) return;
  const error = new Error(`${what} is real, and was called in a simulated run by ${caller}`);
  offence ??= error;
  throw error;
}

/** The line of the first frame that is not of this file. */
function callerOfThisFile(): string {
  const [, ...frames] = (new Error().stack ?? '').split('\n');
  return frames.find((frame) => !frame.includes(import.meta.url))?.trim() ?? '';
}
