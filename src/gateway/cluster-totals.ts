/** What gateways have counted, one by one and together; and whether what another one says of itself can be believed. */
import { isMemberId } from '../cluster-file.ts';
import type { GatewayTotals } from '../metrics.ts';

const counts = ['requests', 'cacheHits', 'cacheMisses', 'originFetches', 'leasesHeld'] as const;
/** Replicas and gateways together are fewer; a body may not hold more names than that. */
const serversMax = 128;

export function sumOfTotals(all: readonly GatewayTotals[]): GatewayTotals {
  const sum = (name: (typeof counts)[number]) => all.reduce((total, each) => total + each[name], 0);
  const servers = new Map<string, number>();
  for (const { requestsByServer } of all) {
    for (const [server, requests] of Object.entries(requestsByServer)) {
      servers.set(server, (servers.get(server) ?? 0) + requests);
    }
  }
  return {
    requests: sum('requests'),
    cacheHits: sum('cacheHits'),
    cacheMisses: sum('cacheMisses'),
    originFetches: sum('originFetches'),
    leasesHeld: sum('leasesHeld'),
    requestsByServer: Object.fromEntries(servers),
  };
}

/** From 0 to 1, of what the cache could have answered; null while that is nothing. */
export function hitRatioOf({ cacheHits, cacheMisses }: GatewayTotals): number | null {
  const asked = cacheHits + cacheMisses;
  return asked === 0 ? null : cacheHits / asked;
}

/** What gateway `id` says of itself alone, in JSON; null if this is no such statement. */
export function totalsOf(id: string, json: string): GatewayTotals | null {
  const body = parsed(json);
  if (!isObject(body)) return null;
  const { gateways, requestsByServer } = body;
  const [gateway, ...others] = Array.isArray(gateways) ? gateways : [];
  const { id: named } = isObject(gateway) ? gateway : {};
  if (named !== id || others.length > 0) return null;
  if (!counts.every((name) => isCount(body[name])) || !isObject(requestsByServer)) return null;
  const servers = Object.entries(requestsByServer);
  if (servers.length > serversMax) return null;
  if (!servers.every(([server, requests]) => isMemberId(server) && isCount(requests))) return null;
  return body as unknown as GatewayTotals;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
