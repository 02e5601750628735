#!/usr/bin/env node
import { Command } from 'commander';
import { bidderCommand } from './commands/bidder.ts';
import { daysCommand } from './commands/days.ts';
import { demoCommand } from './commands/demo.ts';
import { evaluateCommand } from './commands/evaluate.ts';
import { fleetCommand } from './commands/fleet.ts';
import { ingestCommand } from './commands/ingest.ts';
import { publishCommand } from './commands/publish.ts';
import { rollbackCommand } from './commands/rollback.ts';
import { sealCommand } from './commands/seal.ts';
import { simulateCommand } from './commands/simulate.ts';
import { trainCommand } from './commands/train.ts';
import { versionsCommand } from './commands/versions.ts';
import { addCommand, usageExit } from './run-command.ts';
import { codeVersion } from './code-version.ts';

const program = new Command('vamo')
  .description(
    'Keeps bidding models trained on yesterday: events to sealed days to a signed release.',
  )
  .version(codeVersion())
  .showHelpAfterError('(add --help for options and examples)')
  .exitOverride();

addCommand(program, demoCommand);
addCommand(program, simulateCommand);
addCommand(program, ingestCommand);
addCommand(program, sealCommand);
addCommand(program, daysCommand);
addCommand(program, trainCommand);
addCommand(program, evaluateCommand);
addCommand(program, publishCommand);
addCommand(program, versionsCommand);
addCommand(program, rollbackCommand);
addCommand(program, fleetCommand);
addCommand(program, bidderCommand);

// A reader such as `head` may leave early; there is nobody left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = usageExit(error);
}
