import { join, resolve } from 'node:path';
import { type Config, loadConfig, mergeFiles } from '../config/index.ts';
import { rulesOf } from '../contracts/index.ts';
import {
  createLogger,
  createReleasers,
  type Logger,
  type LogLevel,
  type Releasers,
  stableJson,
  VamoError,
} from '../core/index.ts';
import {
  checkRules,
  type ObjectStore,
  openDataDirectory,
  openStore,
  recordedRules,
} from '../store/index.ts';
import { emptyStore, exists, type Needed, requireFilled } from './empty-store.ts';
import { foundedLate } from './founded-late.ts';
import { createProgressDisplay, type ProgressDisplay } from './progress.ts';

/** What every command gets: where the data is, what is configured, and how to talk to the caller. */
export interface Context {
  readonly root: string;
  readonly config: Config;
  /** The configuration files merged over the default, so that child processes read the same. */
  readonly configFiles: readonly string[];
  readonly store: ObjectStore;
  readonly log: Logger;
  /** Whether each step is to be logged. */
  readonly verbose: boolean;
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
  /** Commands that run on until they are stopped. */
  readonly follow?: boolean;
  readonly watch?: boolean;
}

/** A service tells of what happens to it; a live view on the same terminal is not written over. */
function levelOf({ verbose, follow, watch, json }: GlobalOptions): LogLevel {
  if (verbose === true) return 'debug';
  const isDrawn = watch === true && json !== true && process.stdout.isTTY && process.stderr.isTTY;
  return follow === true && !isDrawn ? 'info' : 'warn';
}

const KEPT = 'config.json';

/** A preset is for a new directory: one made otherwise stays as it is, and says so. */
async function refusePresets(config: Config, files: readonly string[]): Promise<void> {
  if (stableJson(await loadConfig(files)) === stableJson(config)) return;
  throw new VamoError('USAGE', 'this data directory was made with another configuration', {
    mend: 'Leave the option out, or use a new directory with --data.',
  });
}

/** How a command uses the data directory. */
export interface Access {
  /** The command makes no data directory: one that is not there reads as empty. */
  readonly readsOnly?: boolean | undefined;
  /** The command takes nothing of it but its configuration, if it is there. */
  readonly configOnly?: boolean | undefined;
  /** A data directory that is not there is made by the first write. */
  readonly foundsLate?: boolean | undefined;
  /** The command works on while an object store cannot be reached. */
  readonly standsAlone?: boolean | undefined;
  /** What the command works on: a data directory without it is refused, and not made. */
  readonly needs?: Needed | undefined;
}

async function openData(
  root: string,
  config: Config,
  { readsOnly, configOnly, foundsLate, standsAlone, needs }: Access,
): Promise<ObjectStore> {
  const settings = config.store;
  if (needs !== undefined) await requireFilled(root, settings, needs);
  if (readsOnly === true && !(await exists(root))) {
    if (configOnly !== true) process.stderr.write(`there is no directory ${root} yet\n`);
    return openStore(root, settings, emptyStore(root));
  }
  if (settings.kind !== 'directory' && (standsAlone === true || readsOnly === true)) {
    const { store: directory } = await openDataDirectory(root);
    const store = await openStore(root, settings, directory);
    if (standsAlone !== true) await checkRules(store, rulesOf(config), config.source);
    return store;
  }
  const found = async (): Promise<ObjectStore> => {
    const { store } = await openDataDirectory(root, { settings });
    await checkRules(store, rulesOf(config), config.source);
    return store;
  };
  // A shared store may hold data whatever is here.
  const isLate = foundsLate === true && settings.kind === 'directory' && !(await exists(root));
  return isLate ? foundedLate(root, found) : found();
}

/**
 * What a data directory was made with stays in it, from the first command that fills it on. It makes
 * way for the present configuration only where it lacks a task that was recorded since: without that
 * task nothing could be done by it any more.
 */
export async function keepConfig({ root, store, configFiles, log }: Context): Promise<void> {
  const isThere = await store.has(KEPT);
  if (isThere && !(await lacksTask(store, join(root, KEPT)))) return;
  const bytes = Buffer.from(`${JSON.stringify(await mergeFiles(configFiles), null, 2)}\n`);
  if (!isThere) {
    await store.putIfAbsent(KEPT, bytes);
    return;
  }
  await store.put(KEPT, bytes);
  log.info('config.replaced', { file: join(root, KEPT) });
}

/** Whether a configuration is without a task that was recorded for the data. */
async function lacksTask(store: ObjectStore, file: string): Promise<boolean> {
  const recorded = Object.keys((await recordedRules(store))?.tasks ?? {});
  const { tasks } = await loadConfig([file]);
  return recorded.some((id) => !tasks.some((task) => task.id === id));
}

/**
 * The configuration files in order: `config.json` in the data directory (what it was made with; in a new
 * one the command's presets), over it the files named.
 */
export async function configFilesOf(
  { data, config = [] }: GlobalOptions,
  presets: readonly string[] = [],
): Promise<readonly string[]> {
  const kept = join(resolve(data), KEPT);
  return [...((await exists(kept)) ? [kept] : presets), ...config].map((path) => resolve(path));
}

/**
 * Opens the data directory and its configuration: the defaults, over them `config.json` in the data
 * directory (what it was made with; in a new one the command's presets), over that the files named.
 * @throws VamoError DATA_RULES when the data was made under other rules
 */
export async function openContext(
  options: GlobalOptions,
  signal: AbortSignal,
  presets: readonly string[] = [],
  access: Access = {},
): Promise<Context> {
  const root = resolve(options.data);
  const releasers = createReleasers();
  const configFiles = await configFilesOf(options, presets);
  const config = await loadConfig(configFiles);
  const kept = join(root, KEPT);
  if (configFiles.includes(kept)) await refusePresets(config, [kept, ...presets, ...configFiles]);
  const store = await openData(root, config, access);
  const progress = createProgressDisplay(process.stderr);
  return {
    root,
    config,
    configFiles,
    store,
    log: createLogger(levelOf(options)),
    verbose: options.verbose === true,
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
