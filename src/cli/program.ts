import { Command } from 'commander';
import { packageVersion } from './code-version.ts';
import { addCommand, addDiagnosis, type Executors } from './run-command.ts';

type Add = (program: Command, executors: Executors) => Promise<void>;

/** One command needs one command's modules: each is loaded by itself when it is named. */
const COMMANDS: Readonly<Record<string, Add>> = {
  demo: async (to, run) => addCommand(to, run, (await import('./commands/demo.ts')).demoCommand),
  simulate: async (to, run) =>
    addCommand(to, run, (await import('./commands/simulate.ts')).simulateCommand),
  ingest: async (to, run) =>
    addCommand(to, run, (await import('./commands/ingest.ts')).ingestCommand),
  mapping: async (to, run) =>
    addCommand(to, run, (await import('./commands/mapping.ts')).mappingCommand),
  seal: async (to, run) => addCommand(to, run, (await import('./commands/seal.ts')).sealCommand),
  amend: async (to, run) => addCommand(to, run, (await import('./commands/amend.ts')).amendCommand),
  backfill: async (to, run) =>
    addCommand(to, run, (await import('./commands/backfill.ts')).backfillCommand),
  verify: async (to, run) =>
    addCommand(to, run, (await import('./commands/verify.ts')).verifyCommand),
  rebuild: async (to, run) =>
    addCommand(to, run, (await import('./commands/rebuild.ts')).rebuildCommand),
  days: async (to, run) => addCommand(to, run, (await import('./commands/days.ts')).daysCommand),
  prune: async (to, run) => addCommand(to, run, (await import('./commands/prune.ts')).pruneCommand),
  clickhouse: async (to, run) =>
    addCommand(to, run, (await import('./commands/clickhouse.ts')).clickhouseCommand),
  train: async (to, run) => addCommand(to, run, (await import('./commands/train.ts')).trainCommand),
  methods: async (to, run) =>
    addCommand(to, run, (await import('./commands/methods.ts')).methodsCommand),
  evaluate: async (to, run) =>
    addCommand(to, run, (await import('./commands/evaluate.ts')).evaluateCommand),
  publish: async (to, run) =>
    addCommand(to, run, (await import('./commands/publish.ts')).publishCommand),
  versions: async (to, run) =>
    addCommand(to, run, (await import('./commands/versions.ts')).versionsCommand),
  rollback: async (to, run) =>
    addCommand(to, run, (await import('./commands/rollback.ts')).rollbackCommand),
  fleet: async (to, run) => addCommand(to, run, (await import('./commands/fleet.ts')).fleetCommand),
  doctor: async (to, run) =>
    addDiagnosis(to, run, (await import('./commands/doctor.ts')).doctorCommand),
  bidder: async (to, run) =>
    addCommand(to, run, (await import('./commands/bidder.ts')).bidderCommand),
};

/** Options of every command that may stand before its name as well; true = it takes a value. */
const ANYWHERE: Readonly<Record<string, boolean>> = {
  '--data': true,
  '--config': true,
  '--json': false,
  '--verbose': false,
};

/**
 * Puts options that every command has behind the command's name where they stand before it:
 * `--json days` is `days --json`. The help and the version are text and take none of them.
 */
export function orderArguments(args: readonly string[]): readonly string[] {
  let at = 0;
  for (;;) {
    const [name = '', value] = (args[at] ?? '').split('=', 2);
    const takesValue = Object.hasOwn(ANYWHERE, name) ? ANYWHERE[name] : undefined;
    if (takesValue === undefined) break;
    at += takesValue && value === undefined ? 2 : 1;
  }
  const [command = '', ...rest] = args.slice(at);
  if (Object.hasOwn(COMMANDS, command)) return [command, ...args.slice(0, at), ...rest];
  return command === 'help' ? [command, ...rest.filter((arg) => arg !== '--json')] : args.slice(at);
}

/**
 * The command line with the named command, or with all of them when the name is none of them.
 * A program option before the command is not the command's: `evaluate --version` is no such option.
 */
export async function createProgram(named: string, executors: Executors): Promise<Command> {
  const program = new Command('vamo')
    .description(
      'Keeps bidding models trained on yesterday: events to sealed days to a signed release.',
    )
    .version(packageVersion())
    .enablePositionalOptions()
    .addHelpText(
      'after',
      '\nEvery command takes --data, --config, --json and --verbose, before or after its name.\n',
    )
    .showHelpAfterError('(add --help for options and examples)')
    .exitOverride();
  const add = Object.hasOwn(COMMANDS, named) ? COMMANDS[named] : undefined;
  for (const one of add ? [add] : Object.values(COMMANDS)) await one(program, executors);
  return program;
}
