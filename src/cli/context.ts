import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Config, loadConfig } from '../config/index.ts';
import { createLogger, createReleasers, type Logger, type Releasers } from '../core/index.ts';
import { type ObjectStore, openDataDirectory } from '../store/index.ts';
import { createProgressDisplay, type ProgressDisplay } from './progress.ts';

/** What every command gets: where the data is, what is configured, and how to talk to the caller. */
export interface Context {
  readonly root: string;
  readonly config: Config;
  /** The configuration files merged over the default, so that child processes read the same. */
  readonly configFiles: readonly string[];
  readonly store: ObjectStore;
  readonly log: Logger;
  readonly progress: ProgressDisplay;
  readonly signal: AbortSignal;
  readonly releasers: Releasers;
  /** Prints a line for people; silent with --json. */
  readonly say: (line: string) => void;
  /** Wall clock, ms. */
  readonly now: () => number;
}

export interface GlobalOptions {
  readonly data: string;
  readonly config?: readonly string[];
  readonly json?: boolean;
  readonly verbose?: boolean;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** The configuration files named, else `config.json` in the data directory, else the presets. */
export async function configFilesOf(
  { data, config }: GlobalOptions,
  presets: readonly string[] = [],
): Promise<readonly string[]> {
  const kept = join(resolve(data), 'config.json');
  const named = config ?? ((await exists(kept)) ? [kept] : presets);
  return named.map((path) => resolve(path));
}

/**
 * Opens the data directory and its configuration: the files named, else `config.json` in the data
 * directory (the one it was made with), else the defaults.
 */
export async function openContext(
  options: GlobalOptions,
  signal: AbortSignal,
  presets: readonly string[] = [],
): Promise<Context> {
  const root = resolve(options.data);
  const releasers = createReleasers();
  const configFiles = await configFilesOf(options, presets);
  const config = await loadConfig(configFiles);
  const directory = await openDataDirectory(root);
  releasers.push(() => directory.release());
  const progress = createProgressDisplay(process.stderr);
  return {
    root,
    config,
    configFiles,
    store: directory.store,
    log: createLogger(options.verbose === true ? 'debug' : 'warn'),
    progress,
    signal,
    releasers,
    say(line) {
      progress.clear();
      if (options.json !== true) process.stdout.write(`${line}\n`);
    },
    now: () => Date.now(),
  };
}
