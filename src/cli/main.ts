#!/usr/bin/env node
import { Command } from 'commander';
import { addCommand, addDiagnosis, usageExit } from './run-command.ts';
import { packageVersion } from './code-version.ts';

const program = new Command('vamo')
  .description(
    'Keeps bidding models trained on yesterday: events to sealed days to a signed release.',
  )
  .version(packageVersion())
  .showHelpAfterError('(add --help for options and examples)')
  .exitOverride();

/** One command needs one command's modules: each is loaded by itself when it is named. */
const COMMANDS: Readonly<Record<string, () => Promise<void>>> = {
  demo: async () => addCommand(program, (await import('./commands/demo.ts')).demoCommand),
  simulate: async () =>
    addCommand(program, (await import('./commands/simulate.ts')).simulateCommand),
  ingest: async () => addCommand(program, (await import('./commands/ingest.ts')).ingestCommand),
  seal: async () => addCommand(program, (await import('./commands/seal.ts')).sealCommand),
  days: async () => addCommand(program, (await import('./commands/days.ts')).daysCommand),
  train: async () => addCommand(program, (await import('./commands/train.ts')).trainCommand),
  evaluate: async () =>
    addCommand(program, (await import('./commands/evaluate.ts')).evaluateCommand),
  publish: async () => addCommand(program, (await import('./commands/publish.ts')).publishCommand),
  versions: async () =>
    addCommand(program, (await import('./commands/versions.ts')).versionsCommand),
  rollback: async () =>
    addCommand(program, (await import('./commands/rollback.ts')).rollbackCommand),
  fleet: async () => addCommand(program, (await import('./commands/fleet.ts')).fleetCommand),
  doctor: async () => addDiagnosis(program, (await import('./commands/doctor.ts')).doctorCommand),
  bidder: async () => addCommand(program, (await import('./commands/bidder.ts')).bidderCommand),
};

const named = COMMANDS[process.argv[2] ?? ''];
for (const load of named ? [named] : Object.values(COMMANDS)) await load();

// A reader such as `head` may leave early; there is nobody left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = usageExit(error, process.argv.includes('--json'));
}
