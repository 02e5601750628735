import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProblems, NO_KEY, tellProblem } from '../contracts/index.ts';
import { didYouMean, sha256, stableJson, VamoError } from '../core/index.ts';
import { withSize } from './model-schema.ts';
import { type Config, configSchema } from './schema.ts';

type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Objects merge key by key; anything else (arrays too) is replaced by the later value. */
function merge(base: unknown, over: unknown): unknown {
  if (!isObject(base) || !isObject(over)) return over;
  const merged: Json = { ...base };
  for (const [key, value] of Object.entries(over))
    merged[key] = key in base ? merge(base[key], value) : value;
  return merged;
}

/** A file's content with the keys that its `model.size` stands for. */
function sized(json: unknown): unknown {
  if (!isObject(json) || !isObject(json['model'])) return json;
  return { ...json, model: withSize(json['model']) };
}

async function readJson(path: string | URL): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new VamoError(
      'CONFIG_UNREADABLE',
      `cannot read configuration ${String(path)}: ${reason}`,
      {
        cause: error,
      },
    );
  }
}

/** Files that a configuration names; a mapping named without a folder or an ending is a shipped one. */
const FILE_KEYS = [
  ['training', 'methodFile'],
  ['source', 'files'],
  ['source', 'mapping'],
] as const;

/** Files are named relative to the configuration file that names them. */
function located(json: unknown, path: string | URL): unknown {
  const folder = dirname(typeof path === 'string' ? path : fileURLToPath(path));
  let found = json;
  for (const [part, key] of FILE_KEYS) {
    const file = at(json, [part, key]);
    if (typeof file !== 'string' || /^\w+:\/\//.test(file)) continue;
    if (key !== 'mapping' || /[./]/.test(file))
      found = merge(found, { [part]: { [key]: resolve(folder, file) } });
  }
  return found;
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let found: unknown = value;
  for (const key of path)
    found = isObject(found) || Array.isArray(found) ? (found as Json)[key as string] : undefined;
  return found;
}

/** Validates a merged configuration, and what must hold between keys. */
export function parseConfig(json: unknown): Config {
  const found = findProblems(configSchema, json);
  if (found.problems !== undefined) {
    const problems = found.problems.map(
      ({ field, value, must }) =>
        tellProblem({ field: field || 'configuration', value, must }) +
        (must === NO_KEY ? meantBy(json, field) : ''),
    );
    throw new VamoError('CONFIG_INVALID', problems.join('\n'), { details: { problems } });
  }
  const config = found.data;
  const problem = contradictionIn(config);
  if (problem !== undefined) throw new VamoError('CONFIG_INVALID', problem);
  return config;
}

/** The key that a wrong one was meant to be: a merged configuration has all of them beside it. */
function meantBy(json: unknown, field: string): string {
  const path = field.split('.');
  const [key = ''] = path.splice(-1);
  const part = at(json, path);
  if (!isObject(part)) return '';
  return didYouMean(
    key,
    Object.keys(part).filter((name) => name !== key),
  );
}

function contradictionIn(config: Config): string | undefined {
  const { tasks, model, simulator, training } = config;
  const ids = tasks.map((t) => t.id);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) return `tasks: "${twice}" stands twice; ids must differ`;
  if (model.hidden % model.heads !== 0)
    return `model.heads: ${model.heads}; must divide model.hidden (${model.hidden})`;
  const found = temporalContradiction(config) ?? sourceContradiction(config);
  if (found !== undefined) return found;
  if (training.batch < tasks.length)
    return `training.batch: ${training.batch}; must be at least the number of tasks (${tasks.length})`;
  if (training.actions === 'hindsight' && model.policyHead !== 'action')
    return `training.actions: "hindsight"; needs model.policyHead "action", inverse dynamics learn from the bids that were made ("logged")`;
  const total = Object.values(simulator.behaviour).reduce((a, b) => a + b, 0);
  if (Math.abs(total - 1) > 1e-9) return `simulator.behaviour: shares total ${total}; must total 1`;
  return undefined;
}

/** What a configuration file says, its size spelled out and its paths made absolute. */
async function readOverrides(path: string | URL): Promise<unknown> {
  const json = await readJson(path);
  if (!isObject(json))
    throw new VamoError(
      'CONFIG_INVALID',
      `${String(path)}: ${JSON.stringify(json).slice(0, 60)}; must be an object of keys`,
    );
  return located(sized(json), path);
}

/** The given files merged in order, not validated: what is kept of them with the data. */
export async function mergeFiles(paths: readonly (string | URL)[]): Promise<unknown> {
  let merged: unknown = {};
  for (const path of paths) merged = merge(merged, await readOverrides(path));
  return merged;
}

function temporalContradiction({ model, window }: Config): string | undefined {
  const { temporal } = model;
  if (temporal === 'none') return undefined;
  if (window.history < 1)
    return `window.history: ${window.history}; must be at least 1 for model.temporal "${temporal.kind}"`;
  if (temporal.kind === 'lstm') return undefined;
  if (temporal.forecast && temporal.spectrum === 'raw')
    return 'model.temporal.spectrum: "raw"; must be "block" when model.temporal.forecast is on';
  const { candidates, periods } = temporal;
  if (candidates !== undefined && periods > candidates.length)
    return `model.temporal.periods: ${periods}; must be at most the number of candidates (${candidates.length})`;
  return undefined;
}

function sourceContradiction({ source }: Config): string | undefined {
  const { kind, files, mapping, format, registry } = source;
  if (kind === 'files' && files === null) return 'source.files: null; must be a pattern of files';
  if (kind === 'files' && mapping === null)
    return 'source.mapping: null; must name a mapping for source.kind "files"';
  if (mapping !== null && format !== 'json')
    return `source.format: "${format}"; must be "json" with source.mapping, which says the format itself`;
  if (format !== 'json' && registry === null)
    return `source.registry: null; must be the address of the schema registry for source.format "${format}"`;
  return undefined;
}

/**
 * `config/default.json` with the given files merged over it, in order, validated. A file's
 * `model.size` sets the widths it stands for; the same file's and later files' keys win.
 * @throws VamoError CONFIG_UNREADABLE, CONFIG_INVALID (naming each key, its value and what is allowed)
 */
export async function loadConfig(paths: readonly (string | URL)[] = []): Promise<Config> {
  let merged = await readJson(new URL('../../config/default.json', import.meta.url));
  for (const path of paths) merged = merge(merged, await readOverrides(path));
  return parseConfig(merged);
}

/**
 * Keys of `training` that do not determine what is learned: how a run goes, what it says of itself, and
 * what is named by other means (the engine used, the method file's digest).
 */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  'threads',
  'checkpointEvery',
  'evaluateEvery',
  'evaluateTrajectories',
  'engine',
  'methodFile',
]);

/**
 * The part of a configuration that determines a checkpoint, hashed. The engine is not in it: `auto`
 * means another on another machine, so the lineage names the one that was used.
 * @param methodSha256 of the method file's bytes, where there is one: they count, not its place
 */
export function trainingConfigHash(config: Config, methodSha256?: string): string {
  const { tasks, days, market, window, model, release } = config;
  const { batch } = release;
  const { methodFile } = config.training;
  if (methodFile !== null && methodSha256 === undefined)
    throw new VamoError('INTERNAL', `the digest of ${methodFile} is missing`);
  const kept = Object.entries(config.training).filter(([key]) => !WITHOUT_EFFECT.has(key));
  const training = { ...Object.fromEntries(kept), ...(methodSha256 && { methodSha256 }) };
  return sha256(stableJson({ tasks, days, market, window, model, training, batch }));
}
