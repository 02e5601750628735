import { type Command, CommanderError, InvalidArgumentError } from 'commander';
import { isVamoError, stackOf, systemCode, VamoError } from '../core/index.ts';
import { type Access, type Context, type GlobalOptions, openContext } from './context.ts';

const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** What a command returns: printed whole with --json; people read what was said on the way. */
type CommandResult = Readonly<Record<string, unknown>>;

export interface CommandSpec<O> extends Omit<Access, 'needs'> {
  readonly name: string;
  readonly summary: string;
  readonly examples: readonly string[];
  /** Configuration files for a data directory that has none of its own yet. */
  presets?(options: O): readonly string[];
  options?(command: Command): Command;
  /** Refuses what is wrong by itself, before anything is opened. @throws VamoError USAGE */
  check?(options: O, names: readonly string[]): void;
  /** See `Access`; default: nothing. */
  needs?(options: O, names: readonly string[]): Access['needs'];
  /** Exit code 1 when it says no of the result; default: it never does. */
  succeeded?(result: CommandResult): boolean;
  /** @param names the arguments that are no options, in order */
  run(context: Context, options: O, names: readonly string[]): Promise<CommandResult>;
}

/** A command that looks at an installation which may be broken: it opens nothing beforehand. */
export interface DiagnosisSpec {
  readonly name: string;
  readonly summary: string;
  readonly examples: readonly string[];
  /** Exit code 1 when not `ready`. */
  run(
    options: GlobalOptions,
    say: (line: string) => void,
  ): Promise<CommandResult & { readonly ready: boolean }>;
}

/** A parser for whole numbers in a range; out of range is a usage error. */
export function wholeNumber(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max)
      throw new InvalidArgumentError(`Write a whole number from ${String(min)} to ${String(max)}.`);
    return value;
  };
}

/** A parser for numbers above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value))
    throw new InvalidArgumentError('Write a number above 0.');
  return value;
}

/** A parser for names of a given form; others are a usage error. */
export function named(isName: (text: string) => boolean, form: string) {
  return (text: string): string => {
    if (!isName(text)) throw new InvalidArgumentError(`Write ${form}.`);
    return text;
  };
}

/** What is done with a command once its options are parsed. */
export interface Executors {
  command<O>(
    spec: CommandSpec<O>,
    options: O & GlobalOptions,
    names: readonly string[],
  ): Promise<void>;
  diagnosis(spec: DiagnosisSpec, options: GlobalOptions): Promise<void>;
}

/** Adds a command to the program, with the options that every command has. */
export function addCommand<O>(program: Command, executors: Executors, spec: CommandSpec<O>): void {
  const common = declare(program, spec);
  const command = spec.options?.(common) ?? common;
  command.action((...args: unknown[]) =>
    executors.command(spec, command.opts<O & GlobalOptions>(), namesIn(args)),
  );
}

/** Commander hands over the declared arguments first, then the options. */
function namesIn(args: readonly unknown[]): string[] {
  return args.filter((arg) => typeof arg === 'string');
}

/** As `addCommand`, for a command that opens nothing beforehand. */
export function addDiagnosis(program: Command, executors: Executors, spec: DiagnosisSpec): void {
  declare(program, spec).action((options: GlobalOptions) => executors.diagnosis(spec, options));
}

/** Runs a diagnosis to its exit code. */
export async function executeDiagnosis(
  spec: DiagnosisSpec,
  options: GlobalOptions,
): Promise<number> {
  const say = (line: string): void => {
    if (options.json !== true) process.stdout.write(`${line}\n`);
  };
  try {
    const result = await spec.run(options, say);
    if (options.json === true) process.stdout.write(`${JSON.stringify(result)}\n`);
    return result.ready ? EXIT.ok : EXIT.failed;
  } catch (error) {
    return report(error, options, false);
  }
}

function declare(
  program: Command,
  spec: Pick<DiagnosisSpec, 'name' | 'summary' | 'examples'>,
): Command {
  return program
    .command(spec.name)
    .description(spec.summary)
    .option('--data <dir>', 'data directory', 'data')
    .option<string[]>(
      '--config <file>',
      "merged over the data directory's own and the defaults (repeatable)",
      // One file each: more would take the names of days behind it for files.
      (file, before: string[] | undefined) => [...(before ?? []), file],
    )
    .option('--json', 'print one JSON object on stdout; logs go to stderr')
    .option('--verbose', 'log every step on stderr')
    .addHelpText('after', `\nExamples:\n${spec.examples.map((e) => `  $ ${e}`).join('\n')}\n`);
}

/** Runs one command to its exit code: signals abort it, errors print their code and mend. */
export async function executeCommand<O>(
  spec: CommandSpec<O>,
  options: O & GlobalOptions,
  names: readonly string[] = [],
): Promise<number> {
  const abort = new AbortController();
  const stop = (): void => {
    if (abort.signal.aborted) process.exit(EXIT.interrupted); // asked twice: leave at once
    abort.abort();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  let context: Context | undefined;
  try {
    spec.check?.(options, names);
    const access: Access = { ...spec, needs: spec.needs?.(options, names) };
    context = await openContext(options, abort.signal, spec.presets?.(options), access);
    const result = await spec.run(context, options, names);
    if (options.json === true) process.stdout.write(`${JSON.stringify(result)}\n`);
    return spec.succeeded?.(result) === false ? EXIT.failed : EXIT.ok;
  } catch (error) {
    context?.progress.clear();
    return report(error, options, abort.signal.aborted);
  } finally {
    await context?.releasers.release();
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

function report(error: unknown, options: GlobalOptions, aborted: boolean): number {
  const known = asVamoError(error);
  const interrupted = aborted || known.code === 'INTERRUPTED';
  if (options.json === true) printFailure(known);
  process.stderr.write(`${known.code}: ${known.message}\n  ${known.mend}\n`);
  if (options.verbose === true) process.stderr.write(`${stackOf(error)}\n`);
  if (interrupted) return EXIT.interrupted;
  return known.code === 'USAGE' ? EXIT.usage : EXIT.failed;
}

function printFailure({ code, message, mend, retriable, details }: VamoError): void {
  const error = { code, message, mend, retriable, details };
  process.stdout.write(`${JSON.stringify({ error })}\n`);
}

function asVamoError(error: unknown): VamoError {
  if (isVamoError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = systemCode(error);
  if (code === undefined) return new VamoError('INTERNAL', message, { cause: error });
  const full = ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(code);
  return new VamoError(full ? 'STORE_FULL' : 'STORE_IO', message, { cause: error });
}

/**
 * The exit code of a failed command line: help and version are fine, the rest is bad usage, which
 * commander has printed on stderr.
 */
export function usageExit(error: unknown, json: boolean): number {
  if (!(error instanceof CommanderError)) throw error;
  if (error.exitCode === 0) return EXIT.ok;
  const message = error.code === 'commander.help' ? 'no command is named' : error.message;
  if (json) printFailure(new VamoError('USAGE', message.replace(/^error: /, '')));
  return EXIT.usage;
}
