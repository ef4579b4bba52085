/** The shapes in which a network falls apart, as links that lose their packets. */
import { unreachable } from '../../src/raft/assert.ts';
import type { Link } from '../cluster/network.ts';
import type { SeededRandom } from '../sim/random.ts';

export const shapes = ['halves', 'isolate-leader', 'isolate-one', 'one-way', 'bridge', 'majorities-ring'] as const;
export type Shape = (typeof shapes)[number];

export interface Members {
  readonly replicas: readonly string[];
  readonly gateways: readonly string[];
  /** One of the replicas. */
  readonly leader: string;
}

export interface Cut {
  readonly shape: Shape;
  /** Who hears whom, for the timeline. */
  readonly description: string;
  readonly links: readonly Link[];
}

/** Clients reach every gateway whatever is cut; a gateway may be on any side, or see all. */
export function cutOf(shape: Shape, members: Members, random: SeededRandom): Cut {
  const { replicas, leader } = members;
  const without = (replica: string) => replicas.filter((other) => other !== replica);
  switch (shape) {
    case 'halves': {
      const shuffled = shuffle(replicas, random);
      const minority = Math.floor((replicas.length - 1) / 2);
      return split(shape, shuffled.slice(0, minority), shuffled.slice(minority), members, random);
    }
    case 'isolate-leader':
      return split(shape, [leader], without(leader), members, random);
    case 'isolate-one': {
      const victim = random.pick(without(leader));
      return split(shape, [victim], without(victim), members, random);
    }
    case 'one-way':
      return oneWay(members, random);
    case 'bridge': {
      const [bridge, ...others] = shuffle(replicas, random);
      const middle = Math.floor(others.length / 2);
      const cut = split(shape, others.slice(0, middle), others.slice(middle), members, random);
      return { ...cut, description: `${cut.description}, ${bridge} hears both` };
    }
    case 'majorities-ring':
      return ring(shuffle(replicas, random));
    default:
      return unreachable(shape);
  }
}

function split(
  shape: Shape,
  left: readonly string[],
  right: readonly string[],
  { gateways }: Members,
  random: SeededRandom,
): Cut {
  const sides = { left: [...left], right: [...right], both: [] as string[] };
  // Of two gateways, one or the other sees the majority.
  const places = shuffle(['left', 'right', 'both'] as const, random);
  for (const [position, gateway] of gateways.entries()) sides[places[position % places.length] ?? 'both'].push(gateway);
  const links = sides.left.flatMap((from) =>
    sides.right.flatMap((to) => [
      { from, to },
      { from: to, to: from },
    ]),
  );
  const description = `${sides.left.join(' ')} | ${sides.right.join(' ')}`;
  return {
    shape,
    links,
    description: sides.both.length === 0 ? description : `${description}, ${sides.both.join(' ')} hears both`,
  };
}

/** What one replica says to some others, or what these say to it, is lost; the other direction is whole. */
function oneWay({ replicas, gateways, leader }: Members, random: SeededRandom): Cut {
  const victim = random.chance(0.5) ? leader : random.pick(replicas);
  const everyone = [...replicas, ...gateways].filter((member) => member !== victim);
  const others = random.chance(0.5) ? everyone : shuffle(everyone, random).slice(0, random.integer(1, everyone.length));
  const deaf = random.chance(0.5);
  return {
    shape: 'one-way',
    links: others.map((other) => (deaf ? { from: other, to: victim } : { from: victim, to: other })),
    description: deaf ? `${victim} does not hear ${others.join(' ')}` : `${others.join(' ')} do not hear ${victim}`,
  };
}

/** Each hears a bare majority, itself included, and no two the same one. Of three replicas the links are one-way. */
function ring(order: readonly string[]): Cut {
  const { length } = order;
  const majority = Math.floor(length / 2) + 1;
  // 1, -1, 2, -2, …: the nearest on both sides.
  const offsets = Array.from({ length: majority - 1 }, (_, n) => (n % 2 === 0 ? n / 2 + 1 : -(n + 1) / 2));
  const links = order.flatMap((to, position) => {
    const heard = new Set(offsets.map((offset) => order[(position + offset + length) % length]));
    return order.filter((from) => from !== to && !heard.has(from)).map((from) => ({ from, to }));
  });
  return { shape: 'majorities-ring', links, description: `ring ${order.join(' ')}` };
}

export function shuffle<T>(items: readonly T[], random: SeededRandom): T[] {
  const left = [...items];
  return items.flatMap(() => left.splice(random.integer(0, left.length - 1), 1));
}
