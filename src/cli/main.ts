#!/usr/bin/env node
import { createProgram, orderArguments } from './program.ts';
import { executeCommand, executeDiagnosis, usageExit } from './run-command.ts';

const args = orderArguments(process.argv.slice(2));

// A reader such as `head` may leave early; there is nobody left to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  const program = await createProgram(args[0] ?? '', {
    async command(spec, options, names) {
      process.exitCode = await executeCommand(spec, options, names);
    },
    async diagnosis(spec, options) {
      process.exitCode = await executeDiagnosis(spec, options);
    },
  });
  await program.parseAsync(args, { from: 'user' });
} catch (error) {
  process.exitCode = usageExit(error, process.argv.includes('--json'));
}
