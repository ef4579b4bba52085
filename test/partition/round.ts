/** What goes wrong in one round: a fault, and sometimes others while it lasts. */
import type { Link } from '../cluster/network.ts';
import type { SeededRandom } from '../sim/random.ts';
import { type Cut, cutOf, type Members, type Shape, shuffle } from './shapes.ts';

export const faultKinds = ['cut', 'kill', 'pause'] as const;
export type FaultKind = (typeof faultKinds)[number];

export const targets = ['leader', 'follower', 'minority', 'gateway', 'everyone'] as const;
/** Whom a kill or a pause hits; `everyone` are all replicas. */
export type Target = (typeof targets)[number];

/** What to do, before it is known who leads. */
export type Card =
  | { readonly kind: 'cut'; readonly shape: Shape }
  | { readonly kind: 'kill' | 'pause'; readonly target: Target };

/** Times are from the beginning of the round. */
export type Fault = { readonly startMs: number; readonly endMs: number } & (
  | { readonly kind: 'cut'; readonly cut: Cut }
  | { readonly kind: 'kill' | 'pause'; readonly target: Target; readonly victims: readonly string[] }
);

const durationMs = { min: 1000, max: 8000 };
/** While nothing can be written, the rest of the time would teach nothing. */
const outageMsMax = 2500;
/** How often another kind of fault comes while the first one lasts. */
const companyChance = 0.4;

/** Every card once, in random order, before any comes again: short runs see them all, too. */
export class Deck {
  readonly #all: readonly Card[];
  readonly #random: SeededRandom;
  #left: Card[] = [];

  constructor(kinds: readonly FaultKind[], shapes: readonly Shape[], random: SeededRandom) {
    this.#all = kinds.flatMap((kind): Card[] =>
      kind === 'cut' ? shapes.map((shape) => ({ kind, shape })) : targets.map((target) => ({ kind, target })),
    );
    this.#random = random;
  }

  /** A card of another kind than this one; null where there is none. */
  draw(except: FaultKind | null = null): Card | null {
    if (this.#left.length === 0) this.#left = shuffle(this.#all, this.#random);
    const position = this.#left.findIndex(({ kind }) => kind !== except);
    return this.#left.splice(position, position === -1 ? 0 : 1)[0] ?? null;
  }
}

/** Where faults come from. Those that come while another lasts have a deck of their own: every card gets its round. */
export interface Decks {
  readonly first: Deck;
  readonly company: Deck;
}

/** Not empty; the first fault lasts for the whole round. */
export function planRound(decks: Decks, members: Members, random: SeededRandom): readonly Fault[] {
  const lengthMs = random.integer(durationMs.min, durationMs.max);
  const first = decks.first.draw();
  if (first === null) throw new Error('there is no fault to inject');
  const faults = [faultOf(first, { startMs: 0, endMs: lengthMs }, members, [], random)];
  const company = random.chance(companyChance) ? decks.company.draw(first.kind) : null;
  if (company !== null) {
    const startMs = random.integer(0, lengthMs - 500);
    const when = { startMs, endMs: random.integer(startMs + 200, lengthMs) };
    const taken = faults.flatMap((fault) => (fault.kind === 'cut' ? [] : fault.victims));
    faults.push(faultOf(company, when, members, taken, random));
  }
  const planned = faults.filter((fault) => fault.kind === 'cut' || fault.victims.length > 0);
  const pace = leavesService(planned, members) ? 1 : Math.min(1, outageMsMax / lengthMs);
  return planned.map((fault) => ({
    ...fault,
    startMs: Math.round(fault.startMs * pace),
    endMs: Math.round(fault.endMs * pace),
  }));
}

/** Nobody who is `taken` is hit again: what does not run can neither be killed nor paused. */
function faultOf(
  card: Card,
  when: { readonly startMs: number; readonly endMs: number },
  members: Members,
  taken: readonly string[],
  random: SeededRandom,
): Fault {
  if (card.kind === 'cut') return { ...when, kind: 'cut', cut: cutOf(card.shape, members, random) };
  const victims = victimsOf(card.target, members, random).filter((victim) => !taken.includes(victim));
  return { ...when, ...card, victims };
}

function victimsOf(target: Target, { replicas, gateways, leader }: Members, random: SeededRandom): readonly string[] {
  switch (target) {
    case 'leader':
      return [leader];
    case 'follower':
      return [random.pick(replicas.filter((replica) => replica !== leader))];
    case 'minority':
      return shuffle(replicas, random).slice(0, Math.floor((replicas.length - 1) / 2));
    case 'gateway':
      return [random.pick(gateways)];
    case 'everyone':
      return replicas;
  }
}

/**
 * Whether writes can go on through all of this: a replica talks, both ways, with a majority and with a gateway. Faults
 * are taken as if they came at the same time.
 */
export function leavesService(faults: readonly Fault[], { replicas, gateways }: Members): boolean {
  const down = new Set(faults.flatMap((fault) => (fault.kind === 'cut' ? [] : fault.victims)));
  const lost = new Set(faults.flatMap((fault) => (fault.kind === 'cut' ? fault.cut.links.map(nameOfLink) : [])));
  const talk = (one: string, other: string) =>
    [one, other].every((member) => !down.has(member)) &&
    !lost.has(nameOfLink({ from: one, to: other })) &&
    !lost.has(nameOfLink({ from: other, to: one }));
  const majority = Math.floor(replicas.length / 2) + 1;
  return replicas.some(
    (leader) =>
      replicas.filter((replica) => talk(leader, replica)).length >= majority &&
      gateways.some((gateway) => talk(leader, gateway)),
  );
}

function nameOfLink({ from, to }: Link): string {
  return `${from} ${to}`;
}

/** What it is counted as, such as `cut halves`. */
export function nameOf(fault: Fault): string {
  return `${fault.kind} ${fault.kind === 'cut' ? fault.cut.shape : fault.target}`;
}

/** In words, such as `kill leader: r2`. */
export function describe(fault: Fault): string {
  return `${nameOf(fault)}: ${fault.kind === 'cut' ? fault.cut.description : fault.victims.join(' ')}`;
}
