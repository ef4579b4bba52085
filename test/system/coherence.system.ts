/**
 * Two gateways that keep copies, a writer, and readers at both: once a write is answered, or a reader has seen it, nobody
 * sees what was there before.
 */
import type { HttpAnswer, HttpClient } from '../cluster/http-client.ts';
import { writeOutcome } from '../cluster/http-client.ts';
import { hits, isHit } from './cache-status.ts';
import { clusterFor, repetitions, systemTest } from './system-test.ts';

const reads = repetitions('COHERENCE_READS', 20_000, 1_000_000);
const readersPerGateway = 8;
/** Of a write to one of them: short enough for most reads to be hits. */
const keys = ['coherence/a', 'coherence/b', 'coherence/c'];

for (const mode of ['lease', 'validate', 'off']) {
  systemTest(
    `two gateways, coherence ${mode}: no reader sees what a write replaced, in ${reads} reads`,
    [],
    async (t) => {
      const cluster = await clusterFor(t, { gateways: 2, gatewayFlags: ['--coherence', mode] });
      const [first, second] = cluster.gateways.map((id) => cluster.client(id)) as [HttpClient, HttpClient];
      /** By key: the highest number that an answer has shown, to a writer or a reader, at whichever gateway. */
      const shown = new Map(keys.map((key) => [key, 0]));
      const violations: string[] = [];
      let asked = 0;
      let served = 0;

      const show = (key: string, number: number) => shown.set(key, Math.max(shown.get(key) ?? 0, number));
      const write = async (): Promise<number> => {
        let number = 0;
        for (; asked < reads; number += 1) {
          const key = keys[number % keys.length] as string;
          const before = asked;
          if ((await writeOutcome(first.put(key, `${number + 1}`))) === 'acknowledged') show(key, number + 1);
          await cluster.waitFor(() => asked >= before + 50 || asked >= reads, { description: 'fifty more reads' });
        }
        return number;
      };
      const read = async (gateway: HttpClient, own: number): Promise<void> => {
        for (let number = own; asked < reads; number += 1) {
          const key = keys[number % keys.length] as string;
          const atLeast = shown.get(key) ?? 0;
          asked += 1;
          const answer = await gateway.get(key);
          const value = numberOf(answer);
          if (value < atLeast) violations.push(`${key} was ${atLeast}, then ${gateway.url} answered ${value}`);
          show(key, value);
          if (isHit(answer)) served += 1;
        }
      };
      const readers = [first, second].flatMap((gateway) =>
        Array.from({ length: readersPerGateway }, (_, own) => read(gateway, own)),
      );
      const [writes] = await Promise.all([write(), ...readers]);
      t.deepEqual(violations, []);
      t.log(`${asked} reads, ${hits(served, asked)}, ${writes} writes`);
      t.true(mode === 'off' ? served === 0 : served > asked / 2, hits(served, asked));
    },
  );
}

function numberOf({ status, body }: HttpAnswer): number {
  if (status === 404) return 0;
  if (status !== 200) throw new Error(`a read was answered ${status}: ${body}`);
  return Number(body.toString());
}
