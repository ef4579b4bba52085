/** Shapes of partitions: which links each of them cuts, in the cluster as it is at the moment. */
import { unreachable } from '../../src/raft/assert.ts';
import type { PartitionShape } from './plan-fault.ts';
import { bothWays, type Link, oneWay } from './plan-links.ts';
import type { SeededRandom } from './random.ts';

export interface Scene {
  readonly replicas: readonly string[];
  readonly gateways: readonly string[];
  readonly clients: readonly string[];
  /** Or, if there is none, somebody in its place. */
  readonly leader: string;
}

export interface Cut {
  /** Who is on which side, for a person. */
  readonly words: string;
  readonly links: readonly Link[];
}

export function cutOf(shape: PartitionShape, scene: Scene, random: SeededRandom): Cut {
  const { replicas, gateways, clients, leader } = scene;
  const others = replicas.filter((id) => id !== leader);
  const everybody = [...replicas, ...gateways];
  switch (shape) {
    case 'halves': {
      const shuffled = shuffle(replicas, random);
      const size = Math.floor(replicas.length / 2);
      const sides = random.chance(0.5) ? gateways.map(() => random.integer(0, 1)) : null;
      const gatewaysOf = (side: number) => (sides === null ? [] : gateways.filter((_, at) => sides[at] === side));
      return split([...shuffled.slice(0, size), ...gatewaysOf(0)], [...shuffled.slice(size), ...gatewaysOf(1)]);
    }
    case 'leaderIsolated':
      return split([leader], others);
    case 'leaderWithGateway': {
      const gateway = random.pick(gateways);
      return split([leader, gateway], [...others, ...gateways.filter((id) => id !== gateway)]);
    }
    case 'oneIsolated': {
      const one = random.pick(replicas);
      return split([one], without(everybody, one));
    }
    case 'oneDeaf': {
      const one = random.pick([leader, ...replicas]);
      return { words: `${one} hears nobody`, links: oneWay(without(everybody, one), [one]) };
    }
    case 'oneMute': {
      const one = random.pick([leader, ...replicas]);
      return { words: `nobody hears ${one}`, links: oneWay([one], without(everybody, one)) };
    }
    case 'onePair':
      return split([leader], [random.pick(others)]);
    case 'bridge': {
      const [bridge = leader, ...rest] = shuffle(replicas, random);
      const half = Math.ceil(rest.length / 2);
      const { words, links } = split(rest.slice(0, half), rest.slice(half));
      return { words: `${words}, ${bridge} reaches all`, links };
    }
    case 'majoritiesRing':
      return ring(shuffle(replicas, random));
    case 'allApart':
      return { words: replicas.join(' | '), links: oneWay(replicas, replicas) };
    case 'gatewayIsolated': {
      const gateway = random.pick(gateways);
      return split([gateway], without(everybody, gateway));
    }
    case 'gatewaysWithoutLeader': {
      const some = random.chance(0.5) ? gateways : [random.pick(gateways)];
      return split(some, [leader]);
    }
    case 'gatewayUnreachable': {
      const gateway = random.pick(gateways);
      return { words: `clients | ${gateway}`, links: bothWays(clients, [gateway]) };
    }
    default:
      return unreachable(shape);
  }
}

export function shuffle<T>(items: readonly T[], random: SeededRandom): readonly T[] {
  const left = [...items];
  return items.flatMap(() => left.splice(random.integer(0, left.length - 1), 1));
}

function split(some: readonly string[], others: readonly string[]): Cut {
  return { words: `${some.toSorted().join(' ')} | ${others.toSorted().join(' ')}`, links: bothWays(some, others) };
}

/** Everyone reaches itself and its neighbours: the nearest ones that make a majority. */
function ring(order: readonly string[]): Cut {
  const size = order.length;
  const reach = Math.floor(size / 4) || 1;
  const links = order.flatMap((from, at) =>
    order
      .filter((_, other) => other !== at && Math.min((at - other + size) % size, (other - at + size) % size) > reach)
      .map((to): Link => [from, to]),
  );
  return { words: `ring ${order.join(' ')}`, links };
}

function without(ids: readonly string[], one: string): readonly string[] {
  return ids.filter((id) => id !== one);
}
