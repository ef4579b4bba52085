/** `npm run sim`: runs seeds and judges them; README.md in this folder says how to read what it prints. */
import { ArgumentError, type Command, help, readArguments } from './main-arguments.ts';
import { generatePlan } from './plan.ts';

try {
  process.exitCode = (await carryOut(readArguments(process.argv.slice(2)))) ? 0 : 1;
} catch (error) {
  if (!(error instanceof ArgumentError)) throw error;
  console.error(`sim: ${error.message}; --help tells more`);
  process.exitCode = 2;
}

/** Loads the product only when something is run. */
async function carryOut(command: Command): Promise<boolean> {
  switch (command.type) {
    case 'help':
      console.log(help);
      return true;
    case 'replaySeed': {
      const { replay } = await import('./main-replay.ts');
      return replay(generatePlan(command.seed));
    }
    case 'replayPlan': {
      const { replay, readPlan } = await import('./main-replay.ts');
      return replay(readPlan(command.path));
    }
    case 'seeds': {
      const { runSeeds } = await import('./main-seeds.ts');
      return runSeeds(command);
    }
  }
}
