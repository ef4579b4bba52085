import { mustRun } from '../cluster/command.ts';
import type { Requirement } from './requirements.ts';
import { systemTest } from './system-test.ts';

interface Benchmark {
  /** For the shell, after `npm run bench --`. */
  readonly flags: string;
  readonly needs: readonly Requirement[];
  /** How the rows of its table begin, and how many figures follow. */
  readonly rows: readonly string[];
  readonly figures: number;
}

const quick = '--runs 1 --seconds 1';

const benchmarks: readonly Benchmark[] = [
  {
    flags: `${quick} --connections 1,64 --keys 1000 --idle 1`,
    needs: ['wrk', 'etcd'],
    rows: ['PUT at 1', 'PUT at 64', 'GET at 1', 'GET at 64'],
    figures: 8,
  },
  { flags: `misses ${quick} --connections 1 --keys 1000`, needs: ['wrk', 'etcd'], rows: ['GET at 1'], figures: 8 },
  {
    flags: `cache ${quick} --keys 10`,
    needs: ['wrk', 'nginx'],
    rows: ['lease', 'validate', 'off'].map((mode) => `10 | Bazar, ${mode}`),
    figures: 5,
  },
  {
    flags: `churn ${quick} --writes 10`,
    needs: ['wrk'],
    rows: ['lease', 'validate', 'off'].map((mode) => `10 | ${mode}`),
    figures: 5,
  },
  { flags: `writes ${quick} --writers 1`, needs: [], rows: ['1 | lease', '1 | off'], figures: 5 },
  {
    flags: 'latency --requests 50',
    needs: [],
    rows: ['read, miss', 'read, hit under a lease'],
    figures: 5,
  },
  {
    flags: `down ${quick}`,
    needs: [],
    rows: ['none', 'follower stopped', 'follower killed', 'leader killed'].flatMap((fault) =>
      ['reads', 'writes'].map((kind) => `${kind}, ${fault}`),
    ),
    figures: 5,
  },
  { flags: 'policies --draws 10000', needs: [], rows: ['sieve', 'lru', 'ttl'], figures: 4 },
];

for (const { flags, needs, rows, figures } of benchmarks) {
  systemTest(`the benchmark measures every cell of its table: ${flags}`, needs, async (t) => {
    const command = [process.execPath, 'bench/main.ts', ...flags.split(' ')];
    const table = await mustRun(command, { timeoutMs: 5 * 60_000 });
    t.log(table.trim());
    for (const row of rows) t.regex(table, new RegExp(`^\\| ${row}( \\| [\\d.]+){${figures}} \\|$`, 'm'), row);
  });
}
