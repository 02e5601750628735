import { mkdir, writeFile } from 'node:fs/promises';
import { InvalidArgumentError } from 'commander';
import { join } from 'node:path';
import { type Config, trainingConfigHash } from '../../config/index.ts';
import {
  evaluationDocument,
  type EvaluationDocument,
  type Lineage,
  STATE_FEATURES,
} from '../../contracts/index.ts';
import {
  dayKey,
  type DayKey,
  type EngineKind,
  sha256,
  stableJson,
  VamoError,
} from '../../core/index.ts';
import { type EngineChoice, type EngineSetting } from '../../engine/index.ts';
import { openRegistry } from '../../publisher/index.ts';
import { openDataDirectory } from '../../store/index.ts';
import {
  launchTraining,
  methodFileDigest,
  RUN_FILES,
  type TrainJob,
  trainOutcome,
  type TrainOutcome,
} from '../../trainer/index.ts';
import { checkMethod } from '../check-method.ts';
import { codeVersion } from '../code-version.ts';
import type { Context } from '../context.ts';
import { engineFor, engineOption } from '../engine-option.ts';
import {
  pinnedByUnfinished,
  type PinnedDays,
  pinNewest,
  planTrainingWindow,
} from '../pinned-days.ts';
import { championVersion } from '../releases.ts';
import { describeLearning, returnsTable } from '../results.ts';
import type { CommandSpec } from '../run-command.ts';

/** A finished run: a model that could be published. */
export interface CandidateRun {
  /** Names the run's folder under `runs/`. */
  readonly runKey: string;
  readonly testDay: DayKey;
  readonly outcome: TrainOutcome;
  readonly lineage: Lineage;
  readonly evaluation: EvaluationDocument;
  readonly report: string;
  /** What computed the steps. */
  readonly engine: EngineKind;
  readonly summary: string;
  /** The step of the checkpoint it went on from in this process; null when it did not. */
  readonly resumedAt: number | null;
}

/** Points at the run that finished last. */
const LATEST = 'runs/latest.json';

/** The form of a run's name: its test day and 12 digits of what determines it. */
export const isRunKey = (text: string): boolean => /^\d{4}-\d{2}-\d{2}-[0-9a-f]{12}$/.test(text);

const runFolder = (root: string, runKey: string): string => join(root, 'runs', runKey);

/** The champion's files, verified, as paths for the training process. */
async function parentFiles(context: Context, folder: string, version: string) {
  const { files } = await openRegistry(context.store).readCheckpoint(version);
  const weights = files.get('weights');
  const normaliser = files.get('normaliser');
  if (!weights || !normaliser)
    throw new VamoError('CHECKPOINT_INVALID', `${version} has no weights to go on from`);
  const paths = {
    version,
    weights: join(folder, 'parent-weights.safetensors'),
    normaliser: join(folder, 'parent-normaliser.json'),
  };
  await writeFile(paths.weights, weights);
  await writeFile(paths.normaliser, normaliser);
  return paths;
}

interface TrainRequest {
  readonly testDay?: DayKey;
  readonly fresh?: boolean;
  /** As chosen by `engineFor`. */
  readonly engine: EngineChoice;
  /** Instead of the configured weighting method; its options go with it. */
  readonly method?: string | undefined;
  readonly methodOptions?: Readonly<Record<string, unknown>> | undefined;
}

function withMethod(
  config: Config,
  { method, methodOptions }: Pick<TrainRequest, 'method' | 'methodOptions'>,
): Config {
  const { training } = config;
  const name = method ?? training.method;
  const kept = name === training.method ? training.methodOptions : {};
  const methodFile = name === training.method ? training.methodFile : null;
  return {
    ...config,
    training: { ...training, method: name, methodFile, methodOptions: methodOptions ?? kept },
  };
}

/**
 * Trains on the window that ends with `testDay` (default: the newest sealed day), fine-tuning from the
 * champion unless `fresh`. The same job again goes on where it was, or returns what it gave.
 */
export async function trainCandidate(
  context: Context,
  request: TrainRequest,
): Promise<CandidateRun> {
  const { root, store } = context;
  const config = withMethod(context.config, request);
  await checkMethod(config, request);
  const plan = await planTrainingWindow(context, config, request.testDay);
  const testDay = plan.test.at(-1);
  if (testDay === undefined) throw new VamoError('WINDOW_INCOMPLETE', 'the window has no test day');
  const parent = request.fresh === true ? null : await championVersion(context);
  const { methodFile } = config.training;
  const methodSha256 = methodFile === null ? undefined : await methodFileDigest(methodFile);
  const configHash = trainingConfigHash(config, methodSha256);
  const { seed } = config.training;
  const engine = request.engine.kind;
  const made = { code: codeVersion(), features: STATE_FEATURES };
  const keyOf = (days: PinnedDays): string => {
    const all = { days, configHash, engine, seed, parent, made };
    return `${testDay}-${sha256(stableJson(all)).slice(0, 12)}`;
  };
  const newest = await pinNewest(context, plan);
  const begun = await pinnedByUnfinished(context, newest, keyOf);
  if (begun) context.say('a run that was begun goes on with the generations it has pinned');
  const days = begun ?? newest;
  const runKey = keyOf(days);
  const folder = runFolder(root, runKey);
  await mkdir(folder, { recursive: true });
  const lock = await openDataDirectory(root, { role: 'trainer', settings: config.store });
  let resumedAt: number | null = null;
  try {
    const job: TrainJob = {
      schema: 'train-job/v1',
      dataRoot: root,
      store: config.store,
      runDirectory: folder,
      days,
      config: {
        tasks: config.tasks,
        market: config.market,
        model: config.model,
        training: { ...config.training, engine },
        release: { batch: config.release.batch },
      },
      configHash,
      ...(methodSha256 !== undefined && { methodSha256 }),
      seed,
      code: codeVersion(),
      parent: parent === null ? null : await parentFiles(context, folder, parent),
    };
    await launchTraining(job, {
      signal: context.signal,
      progress: (stage) => context.progress.stage(stage),
      onResume: (step, steps) => {
        resumedAt = step;
        context.say(`resumed at step ${step} of ${steps}`);
      },
      verbose: context.verbose,
    });
    await store.put(LATEST, Buffer.from(JSON.stringify({ runKey })));
  } finally {
    context.progress.clear();
    await lock.release();
  }
  return { ...(await readCandidate(context, runKey)), resumedAt };
}

/** The run that finished last. @throws VamoError STORE_NOT_FOUND */
export async function latestRun({ store }: Context): Promise<string> {
  if (!(await store.has(LATEST)))
    throw new VamoError('STORE_NOT_FOUND', 'no run has finished yet', {
      mend: 'Run `vamo train` first.',
    });
  const { runKey } = JSON.parse(Buffer.from(await store.get(LATEST)).toString()) as CandidateRun;
  return runKey;
}

/** Reads a finished run. Every file is checked again when it is published. */
export async function readCandidate(context: Context, runKey: string): Promise<CandidateRun> {
  const { store, root } = context;
  const read = async (name: string): Promise<unknown> =>
    JSON.parse(Buffer.from(await store.get(`runs/${runKey}/${name}`)).toString());
  const job = (await read('job.json')) as TrainJob;
  const outcome = trainOutcome.parse(await read(RUN_FILES.result));
  const evaluation = evaluationDocument.parse(await read(RUN_FILES.evaluation));
  const losses = evaluation.losses['test'] ?? {};
  const testLosses = Object.entries(losses).map(([task, loss]) => `${task} ${loss.toFixed(3)}`);
  return {
    runKey,
    testDay: dayKey(evaluation.day),
    outcome,
    lineage: {
      ...job.days,
      configHash: job.configHash,
      seed: job.seed,
      code: job.code,
      parent: outcome.parent,
      method: outcome.method,
      steps: outcome.steps,
      engine: job.config.training.engine,
    },
    evaluation,
    engine: job.config.training.engine,
    report: join(runFolder(root, runKey), RUN_FILES.report),
    resumedAt: null,
    summary: `${String(outcome.steps)} ${outcome.method} steps on ${job.config.training.engine} ${outcome.parent === null ? 'from scratch' : 'from the champion'}, test loss ${testLosses.join(', ')}`,
  };
}

interface TrainOptions {
  readonly engine?: EngineSetting;
  readonly day?: string;
  readonly fresh?: boolean;
  readonly method?: string;
  readonly methodOptions?: Readonly<Record<string, unknown>>;
}

function jsonObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return { ...parsed };
  } catch {
    // Said below.
  }
  throw new InvalidArgumentError('Write a JSON object, such as {"alpha": 2}.');
}

export const trainCommand: CommandSpec<TrainOptions> = {
  name: 'train',
  summary: 'train on the rolling window and evaluate on its test day; writes an HTML report',
  needs: () => 'events',
  examples: [
    'vamo train',
    'vamo train --method famo',
    'vamo train --day 2026-01-16 --fresh --config my.json',
    `vamo train --method fairgrad --method-options '{"alpha": 2}'`,
    'vamo train --engine cpu',
  ],
  options: (command) =>
    engineOption(command)
      .option('--day <day>', 'test day, the last of the window; default: the newest sealed day')
      .option('--fresh', 'from new weights instead of the champion’s')
      .option('--method <name>', 'weighting method, instead of the configured one (vamo methods)')
      .option('--method-options <json>', 'its options, instead of the configured ones', jsonObject),
  async run(context, { day, fresh, engine: setting, method, methodOptions }) {
    const engine = await engineFor(context, setting);
    context.say(`engine: ${engine.kind}, ${engine.reason}`);
    const candidate = await trainCandidate(context, {
      engine,
      ...(day === undefined ? {} : { testDay: dayKey(day) }),
      fresh: fresh === true,
      method,
      methodOptions,
    });
    context.say(`${candidate.runKey}: ${candidate.summary}`);
    context.say(`  ${describeLearning(candidate.evaluation)}`);
    context.say(returnsTable(candidate.evaluation));
    context.say(`report: ${candidate.report}`);
    const { summary: _summary, ...result } = candidate;
    return { ...result };
  },
};
