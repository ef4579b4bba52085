/** Writers at one gateway and readers at several, under the eyes of a judge, while a test does harm to the gateways. */
import { type HttpClient, writeOutcome } from '../cluster/http-client.ts';
import { pause } from '../cluster/wait.ts';
import { CoherenceJudge } from './coherence-judge.ts';
import { type KeyReading, ReadingSocket, type Source } from './reading-socket.ts';

export interface TrafficOptions {
  /** For writes. */
  readonly client: HttpClient;
  /** Where gateways that are read from listen, by any names. */
  readonly gateways: Readonly<Record<string, string>>;
  readonly keys: readonly string[];
  /** Each has one write under way. */
  readonly writers: number;
  readonly readersPerGateway: number;
}

/** One that was acknowledged; times as of performance.now(). */
export interface TimedWrite {
  readonly sentAt: number;
  readonly tookMs: number;
}

export type ReadTally = Record<Source | 'refused' | 'lost', number>;

/** Ends with its scope. */
export interface Traffic extends AsyncDisposable {
  readonly judge: CoherenceJudge;
  readonly writes: readonly TimedWrite[];
  /** What became of reads at this gateway since this was called last. */
  take(gateway: string): ReadTally;
  /** Whether every other key is not written to for now. */
  spare(spared: boolean): void;
  /** A function that reads every key once, each over a connection that it keeps; all reads have begun when it returns. */
  sweeper(gateway: string): () => Promise<void>;
  /** Resolves when all that is under way has ended. */
  stop(): Promise<void>;
}

/** Of a writer between two writes: reads must come to see the same value twice, or there are no hits. */
const writePauseMs = 20;
/** After a read that failed: it is not failures that are to be counted. */
const failurePauseMs = 20;

export function startTraffic({ client, gateways, keys, writers, readersPerGateway }: TrafficOptions): Traffic {
  const judge = new CoherenceJudge();
  const writes: TimedWrite[] = [];
  const tallies = new Map(Object.keys(gateways).map((name) => [name, emptyTally()]));
  const sparable = new Set(keys.filter((_, position) => Math.floor(position / writers) % 2 === 1));
  const swept: ReadingSocket[] = [];
  let spared = false;
  let stopping = false;

  /** A write that may still come true would be judged wrong: nobody writes to its key again. */
  const write = async (own: number): Promise<void> => {
    let mine = keys.filter((_, position) => position % writers === own);
    for (let turn = 0; !stopping; turn += 1) {
      const open = spared ? mine.filter((key) => !sparable.has(key)) : mine;
      const key = open[turn % open.length];
      if (key === undefined) throw new Error('no key is left to be written to: every write was of unknown outcome');
      const number = judge.writes(key);
      const sentAt = performance.now();
      const outcome = await writeOutcome(client.put(key, `${number}`));
      if (outcome === 'acknowledged') {
        judge.acknowledged(key, number);
        writes.push({ sentAt, tookMs: performance.now() - sentAt });
      } else {
        mine = mine.filter((other) => other !== key);
      }
      await pause(writePauseMs);
    }
  };
  const readOnce = async (socket: ReadingSocket, gateway: string, key: string): Promise<KeyReading> => {
    const begun = judge.reads(key);
    const reading = await socket.get(key);
    const kind = reading.type === 'found' || reading.type === 'missing' ? reading.source : reading.type;
    (tallies.get(gateway) as ReadTally)[kind] += 1;
    if (reading.type === 'found') judge.answered(begun, Number(reading.value), `${gateway} (${reading.source})`);
    if (reading.type === 'missing') judge.answered(begun, 0, `${gateway} (${reading.source})`);
    return reading;
  };
  const read = async (gateway: string, own: number): Promise<void> => {
    const socket = new ReadingSocket(gateways[gateway] as string);
    for (let turn = own; !stopping; turn += readersPerGateway) {
      const { type } = await readOnce(socket, gateway, keys[turn % keys.length] as string);
      if (type === 'lost' || type === 'refused') await pause(failurePauseMs);
    }
    socket.close();
  };
  const numbered = (count: number) => Array.from({ length: count }, (_, number) => number);
  const all = Promise.all([
    ...numbered(writers).map(write),
    ...Object.keys(gateways).flatMap((name) => numbered(readersPerGateway).map((own) => read(name, own))),
  ]);

  const stop = async () => {
    stopping = true;
    await all;
    for (const socket of swept) socket.close();
  };
  return {
    judge,
    writes,
    take(gateway) {
      const tally = tallies.get(gateway) as ReadTally;
      tallies.set(gateway, emptyTally());
      return tally;
    },
    spare(wanted) {
      spared = wanted;
    },
    sweeper(gateway) {
      const sockets = new Map(keys.map((key) => [key, new ReadingSocket(gateways[gateway] as string)]));
      swept.push(...sockets.values());
      return async () => {
        await Promise.all(sockets.entries().map(([key, socket]) => readOnce(socket, gateway, key)));
      };
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function emptyTally(): ReadTally {
  return { lease: 0, validated: 0, fetched: 0, refused: 0, lost: 0 };
}
