/** Runs one of the benchmarks. README.md in this folder says how they measure, and what the figures mean. */
import { FlagError, progress } from './flags.ts';

/** What it starts it leaves to `resources`, to be ended at the end or when the run is interrupted. */
type Benchmark = (args: readonly string[], resources: AsyncDisposableStack) => Promise<void>;

/** By name, and loaded only when it is asked for. */
const benchmarks: ReadonlyMap<string, () => Promise<Benchmark>> = new Map([
  ['speed', async () => (await import('./speed.ts')).speed],
  ['misses', async () => (await import('./speed.ts')).misses],
  ['cache', async () => (await import('./cached-reads.ts')).cachedReads],
  ['churn', async () => (await import('./churn.ts')).churn],
  ['writes', async () => (await import('./leased-writes.ts')).leasedWrites],
  ['latency', async () => (await import('./latency.ts')).latency],
  ['down', async () => (await import('./replica-down.ts')).replicaDown],
  ['policies', async () => (await import('./cache-policies.ts')).policies],
]);

const [first = 'speed', ...others] = process.argv.slice(2);
// `npm run bench -- --runs 1`: flags alone are for the one that goes without a name.
const [name, args] = first.startsWith('-') ? ['speed', [first, ...others]] : [first, others];
const resources = new AsyncDisposableStack();
let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    interrupted = true;
    // Ctrl-C has reached all of them: that they have ended by themselves is no news.
    void resources.disposeAsync().then(leave, leave);
  });
}
try {
  await run();
} catch (error) {
  // What is interrupted fails, and `leave` is on its way.
  if (!interrupted) {
    if (!(error instanceof FlagError)) throw error;
    progress(`bench: ${error.message}`);
    process.exitCode = 1;
  }
}

async function run(): Promise<void> {
  const load = benchmarks.get(name);
  if (load === undefined) {
    const names = [...benchmarks.keys()].join(', ');
    throw new FlagError(`there is no benchmark called ${JSON.stringify(name)}, expected one of ${names}`);
  }
  await using owned = resources;
  await (await load())(args, owned);
}

function leave(): void {
  process.exit(1);
}
