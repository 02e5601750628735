import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Config, trainingConfigHash } from '../../config/index.ts';
import {
  evaluationDocument,
  type EvaluationDocument,
  type Lineage,
  type PinnedDay,
  STATE_FEATURES,
} from '../../contracts/index.ts';
import { dayKey, type DayKey, sha256, stableJson, VamoError } from '../../core/index.ts';
import { planWindow } from '../../features/index.ts';
import { openRegistry } from '../../publisher/index.ts';
import { listSealedDays, openDataDirectory, readManifest } from '../../store/index.ts';
import {
  createWeighting,
  launchTraining,
  RUN_FILES,
  type TrainJob,
  trainOutcome,
  type TrainOutcome,
} from '../../trainer/index.ts';
import { codeVersion } from '../code-version.ts';
import type { Context } from '../context.ts';
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
  readonly summary: string;
}

/** Points at the run that finished last. */
const LATEST = 'runs/latest.json';

const runFolder = (root: string, runKey: string): string => join(root, 'runs', runKey);

async function pin(context: Context, days: readonly DayKey[]): Promise<PinnedDay[]> {
  return Promise.all(
    days.map(async (day) => {
      const { generation, digest, stepsDigest } = await readManifest(context.store, day);
      return { day, generation, digest, stepsDigest };
    }),
  );
}

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

/**
 * Trains on the window that ends with `testDay` (default: the newest sealed day), fine-tuning from the
 * champion unless `fresh`. The same job again goes on where it was, or returns what it gave.
 */
export async function trainCandidate(
  context: Context,
  request: { readonly testDay?: DayKey; readonly fresh?: boolean },
): Promise<CandidateRun> {
  const { root, store, config } = context;
  const sealed = (await listSealedDays(store)).map(({ day }) => day);
  const plan = planWindow({ sealed, window: config.window, testDay: request.testDay });
  const testDay = plan.test.at(-1);
  if (testDay === undefined) throw new VamoError('WINDOW_INCOMPLETE', 'the window has no test day');
  const days = {
    history: await pin(context, plan.history),
    train: await pin(context, plan.train),
    validation: await pin(context, plan.validation),
    test: await pin(context, plan.test),
  };
  const parent = request.fresh === true ? null : await championVersion(context);
  const configHash = trainingConfigHash(config);
  const { seed } = config.training;
  const made = { code: codeVersion(), features: STATE_FEATURES };
  const identity = sha256(stableJson({ days, configHash, seed, parent, made })).slice(0, 12);
  const runKey = `${testDay}-${identity}`;
  const folder = runFolder(root, runKey);
  await mkdir(folder, { recursive: true });
  const lock = await openDataDirectory(root, { role: 'trainer' });
  try {
    const job: TrainJob = {
      schema: 'train-job/v1',
      dataRoot: root,
      runDirectory: folder,
      days,
      config: {
        tasks: config.tasks,
        market: config.market,
        model: config.model,
        training: config.training,
        release: { batch: config.release.batch },
      },
      configHash,
      seed,
      code: codeVersion(),
      parent: parent === null ? null : await parentFiles(context, folder, parent),
    };
    await launchTraining(job, {
      signal: context.signal,
      progress: context.progress.stage('train'),
    });
    await store.put(LATEST, Buffer.from(JSON.stringify({ runKey })));
  } finally {
    context.progress.clear();
    await lock.release();
  }
  return readCandidate(context, runKey);
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
    },
    evaluation,
    report: join(runFolder(root, runKey), RUN_FILES.report),
    summary: `${String(outcome.steps)} ${outcome.method} steps ${outcome.parent === null ? 'from scratch' : 'from the champion'}, test loss ${testLosses.join(', ')}`,
  };
}

interface TrainOptions {
  readonly day?: string;
  readonly fresh?: boolean;
  readonly method?: string;
}

/**
 * The configuration with another weighting method; options that are the configured method's own are
 * left behind. What it trains with is part of the run's identity.
 * @throws VamoError WEIGHTING_INVALID for a method that is not registered
 */
function withMethod({ training, tasks, ...rest }: Config, method: string): Config {
  const methodOptions = method === training.method ? training.methodOptions : {};
  createWeighting(method, tasks.length, methodOptions);
  return { ...rest, tasks, training: { ...training, method, methodOptions } };
}

export const trainCommand: CommandSpec<TrainOptions> = {
  name: 'train',
  summary: 'train on the rolling window and evaluate on its test day; writes an HTML report',
  examples: [
    'vamo train',
    'vamo train --method famo',
    'vamo train --day 2026-01-16 --fresh --config my.json',
  ],
  options: (command) =>
    command
      .option('--day <day>', 'test day, the last of the window; default: the newest sealed day')
      .option('--fresh', 'from new weights instead of the champion’s')
      .option('--method <name>', 'weighting method; default: training.method of the configuration'),
  async run(given, { day, fresh, method }) {
    const config = method === undefined ? given.config : withMethod(given.config, method);
    const context = { ...given, config };
    const candidate = await trainCandidate(context, {
      ...(day === undefined ? {} : { testDay: dayKey(day) }),
      fresh: fresh === true,
    });
    context.say(`${candidate.runKey}: ${candidate.summary}`);
    context.say(`  ${describeLearning(candidate.evaluation)}`);
    context.say(returnsTable(candidate.evaluation));
    context.say(`report: ${candidate.report}`);
    const { summary: _summary, ...result } = candidate;
    return { ...result };
  },
};
