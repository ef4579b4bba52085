/** The one executable. bin/bazar.js finds a Node that can run it. */
import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// Compiled code is kept beside the package, where nobody can plant any who could not change the code itself.
// It halves the time a process needs before it does something; imports come after it, or it would miss them.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/bazar', import.meta.url)));
const { main } = await import('./cli/main.ts');

let hangUpsInterrupt = true;

/** Listens for one signal only: the default, to end at once, holds before and after. */
function nextInterruption(): AbortSignal {
  const controller = new AbortController();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const abort = (signal: NodeJS.Signals) => {
    if (signal === 'SIGHUP' && !hangUpsInterrupt) return;
    for (const signal of signals) process.off(signal, abort);
    controller.abort();
  };
  for (const signal of signals) process.on(signal, abort);
  return controller.signal;
}

function onHangUp(listener: () => void): void {
  hangUpsInterrupt = false;
  process.on('SIGHUP', listener);
}

function onSignal(listener: (signal: NodeJS.Signals) => void): void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
  for (const signal of signals) process.on(signal, listener);
}

/** Who reads our output has gone (`bazar list | head`): there is nobody left to work for. */
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
}

process.exitCode = await main(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  nextInterruption,
  onHangUp,
  onSignal,
});
