/** Clients that share few keys in small teams, each doing one thing after the other at its gateway. */
import type { HttpClient } from '../cluster/http-client.ts';
import { pause } from '../cluster/wait.ts';
import { httpRequest, outcomeOf } from '../history/http.ts';
import type { Operation, Request } from '../history/operation.ts';
import { type SeededRandom, streamOf } from '../sim/random.ts';
import { KeyGroup } from './keys.ts';
import type { Tally } from './tally.ts';

export interface ClientsOptions {
  readonly gateways: readonly HttpClient[];
  readonly replicas: readonly string[];
  readonly seed: number;
  readonly tally: Tally;
  /** Nobody asks anything of this group's keys any more. */
  readonly onRetired: (group: KeyGroup) => void;
}

interface Team {
  group: KeyGroup;
}

interface Client {
  readonly name: string;
  readonly team: Team;
  readonly gateway: HttpClient;
  readonly random: SeededRandom;
}

const teams = 4;
/** So many clients, at most, ask for a key at the same time. */
const clientsPerTeam = 6;
/** Between the beginnings of a client's operations, on average; longer when they take longer. */
const intervalMs = 24;
/** After what was not answered: it is the cluster that is to be loaded, not its refusals. */
const refusalPauseMs = 100;
const timeoutsMs = [300, 500, 1000] as const;
/** A client waits for its answer a little longer than it told the gateway to try. */
const graceMs = 300;

/** How much of each there is. */
const mix = { get: 28, pinnedGet: 12, list: 10, put: 18, replace: 16, create: 8, delete: 8 } as const;
type Kind = keyof typeof mix;
const kinds = Object.entries(mix).flatMap(([kind, weight]) => Array<Kind>(weight).fill(kind as Kind));

/** Statuses that say that the gateway or a replica has a defect. */
const defects = [500, 502];

export class Clients {
  readonly #options: ClientsOptions;
  readonly #teams: readonly Team[];
  #groups = 0;
  #operations = 0;
  #stopping = false;
  readonly #working: readonly Promise<void>[];

  /** They start at once. */
  constructor(options: ClientsOptions) {
    const { gateways, seed } = options;
    this.#options = options;
    this.#teams = Array.from({ length: teams }, () => ({ group: this.#freshGroup() }));
    const clients = this.#teams
      .flatMap((team) => Array<Team>(clientsPerTeam).fill(team))
      .map((team, position) => {
        const name = `client-${position + 1}`;
        const gateway = gateways[position % gateways.length];
        if (gateway === undefined) throw new Error('clients need a gateway');
        return { name, team, gateway, random: streamOf(seed, name) };
      });
    this.#working = clients.map((client) => this.#work(client));
  }

  /** The next number in the history, for an operation that is invoked now. */
  nextNumber(): number {
    this.#operations += 1;
    return this.#operations - 1;
  }

  /** Rejects when a client was told something that the API does not know; resolves after `stop`. */
  get ended(): Promise<unknown> {
    return Promise.all(this.#working);
  }

  /** Resolves when everything that was asked has its outcome; every group has then been retired. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.allSettled(this.#working);
    for (const { group } of this.#teams) this.#options.onRetired(group);
  }

  async #work(client: Client): Promise<void> {
    const { team, random } = client;
    let nextAt = performance.now() + random.next() * intervalMs;
    while (!this.#stopping) {
      await pause(Math.max(0, nextAt - performance.now()));
      if (team.group.isFull) this.#refresh(team);
      nextAt = Math.max(nextAt, performance.now() - intervalMs) + random.next() * 2 * intervalMs;
      const answered = await this.#perform(client, team.group);
      if (!answered) nextAt = performance.now() + refusalPauseMs;
    }
  }

  async #perform(client: Client, group: KeyGroup): Promise<boolean> {
    const { random, gateway } = client;
    const { tally, replicas } = this.#options;
    const kind = random.pick(kinds);
    const number = this.nextNumber();
    const request = requestOf(kind, group, `${client.name}.${number}`, random);
    const timeoutMs = random.pick(timeoutsMs);
    const parameters = [`timeout=${timeoutMs}ms`];
    if (kind === 'pinnedGet') parameters.push(`replica=${random.pick(replicas)}`);
    group.begin();
    const invokedAt = tally.now();
    const outcome = await ask(gateway, request, { parameters, timeoutMs: timeoutMs + graceMs });
    const operation: Operation = {
      number,
      client: client.name,
      request,
      invokedAt,
      returnedAt: tally.now(),
      outcome,
    };
    tally.record(operation);
    const reads = request.type === 'get' || request.type === 'list';
    group.end(reads && outcome.type !== 'answered' ? null : operation);
    if (group !== client.team.group) this.#retireIfQuiet(group);
    return outcome.type === 'answered';
  }

  #refresh(team: Team): void {
    const { group } = team;
    team.group = this.#freshGroup();
    this.#retireIfQuiet(group);
  }

  /** Whoever ends its last operation finds it quiet. */
  #retireIfQuiet(group: KeyGroup): void {
    if (group.isQuiet) this.#options.onRetired(group);
  }

  #freshGroup(): KeyGroup {
    this.#groups += 1;
    return new KeyGroup(this.#groups);
  }
}

/** Asks once. Rejects for an answer that the API does not know, or that admits a defect. */
export async function ask(
  gateway: HttpClient,
  request: Request,
  { parameters, timeoutMs }: { readonly parameters: readonly string[]; readonly timeoutMs: number },
): Promise<Operation['outcome']> {
  const { method, path, headers, body } = httpRequest(request, parameters);
  const options = { headers, timeoutMs, ...(body === null ? {} : { body }) };
  const answer = await gateway.request(method, path, options).catch((error: NodeJS.ErrnoException) => error);
  if (answer instanceof Error) {
    // Without a connection, nothing can have been asked.
    return answer.code === 'ECONNREFUSED' ? { type: 'notApplied' } : outcomeOf(request, null);
  }
  if (defects.includes(answer.status)) {
    throw new Error(`${gateway.url} answered a ${request.type} with ${answer.status}: ${answer.body}`);
  }
  return outcomeOf(request, answer);
}

function requestOf(kind: Kind, group: KeyGroup, value: string, random: SeededRandom): Request {
  const key = random.pick(group.keys);
  const seen = group.lastSeen(key);
  const unseen = { type: 'absent' } as const;
  const asSeen = seen === 0 ? unseen : ({ type: 'matches', revision: seen } as const);
  switch (kind) {
    case 'get':
    case 'pinnedGet':
      return { type: 'get', key };
    case 'list':
      return { type: 'list', prefix: group.prefix, limit: random.pick([1, 2, 10]) };
    case 'put':
      return { type: 'put', key, value, condition: { type: 'none' } };
    case 'create':
      return { type: 'put', key, value, condition: unseen };
    case 'replace':
      return { type: 'put', key, value, condition: asSeen };
    case 'delete':
      return { type: 'delete', key, condition: seen > 0 && random.chance(0.5) ? asSeen : { type: 'none' } };
  }
}
