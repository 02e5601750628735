import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  addDays,
  dayKey,
  type Logger,
  type Progress,
  sha256,
  stableJson,
  STEPS,
  throwIfAborted,
  VamoError,
} from '../../core/index.ts';
import { normaliser as normaliserSchema, type Normaliser } from '../../contracts/index.ts';
import type { ReplayRules } from '../../eval/index.ts';
import {
  type ModelIo,
  type ModelSettings,
  parameterPlan,
  type ParameterVectors,
} from '../../model/index.ts';
import { openDirectoryStore, type ObjectStore } from '../../store/index.ts';
import { type Candidate, exportCandidate, type ExportOptions } from '../candidate/export.ts';
import { decodeWeights } from '../candidate/weights.ts';
import { train, type TrainResult } from '../loop/train.ts';
import { renderReport } from '../report/index.ts';
import type { RunRecord } from '../run-record.ts';
import { datasetOf, marketBefore, normaliserOf, readDays, readHistory } from './days.ts';
import { chooseAskedReturns } from './asked-return.ts';
import { evaluateRun } from './evaluate-run.ts';
import { CANDIDATE_FILES, RUN_FILES, type TrainJob, type TrainOutcome } from './job.ts';

export interface NightOptions {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: Progress | undefined;
  readonly log: Logger;
}

interface Parent {
  readonly version: string;
  readonly models: readonly ParameterVectors[];
  readonly normaliser: Normaliser;
}

/** A parent keeps its normaliser: a moved one would shift every input of trained weights. */
async function readParent(job: TrainJob): Promise<Parent | null> {
  if (job.parent === null) return null;
  const { version, weights, normaliser } = job.parent;
  const parsed = normaliserSchema.safeParse(JSON.parse(await readFile(normaliser, 'utf8')));
  if (!parsed.success)
    throw new VamoError('CHECKPOINT_INVALID', `normaliser of ${version}: ${parsed.error.message}`);
  const io: ModelIo = {
    tasks: parsed.data.tasks.length,
    steps: parsed.data.trafficShare.length - 1,
    features: parsed.data.stateMean.length,
    ...(job.config.model.temporal !== 'none' && {
      market: {
        history: job.days.history.length * STEPS,
        channels: parsed.data.marketMean.length,
      },
    }),
  };
  const models = decodeWeights(parameterPlan(job.config.model, io), await readFile(weights));
  return { version, models, normaliser: parsed.data };
}

/** Fine-tuning starts from a good place with a fresh optimiser: smaller steps, or it leaves that place. */
function gentler(training: TrainJob['config']['training']): TrainJob['config']['training'] {
  const { optimiser, fineTuneRate, inverseLearningRate } = training;
  return {
    ...training,
    optimiser: { ...optimiser, learningRate: optimiser.learningRate * fineTuneRate },
    inverseLearningRate: inverseLearningRate * fineTuneRate,
  };
}

/**
 * Input statistics stay the parent's; the limits on alpha are no input of the model and follow the
 * market: they are always those of the training days.
 */
function scalesOf(fitted: Normaliser, inherited: Normaliser | undefined): Normaliser {
  if (inherited === undefined) return fitted;
  const limits = new Map(fitted.tasks.map((t) => [t.id, t]));
  return {
    ...inherited,
    tasks: inherited.tasks.map((task) => {
      const { alphaLow, alphaHigh } = limits.get(task.id) ?? task;
      return { ...task, alphaLow, alphaHigh };
    }),
  };
}

/** Names all that determines a run's result, and nothing else. */
function runKeyOf(job: TrainJob, parent: Parent | null): string {
  const { days, configHash, seed } = job;
  const inherited = parent && {
    version: parent.version,
    weights: parent.models.map((m) => [m.generator, m.inverse].map((x) => sha256(bytesOf(x)))),
  };
  return sha256(stableJson({ days, configHash, seed, parent: inherited }));
}

const bytesOf = (x: Float32Array): Uint8Array =>
  new Uint8Array(x.buffer, x.byteOffset, x.byteLength);
const json = (value: unknown): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value)}\n`);

/**
 * One night's training from sealed days to a candidate's files, evaluation and report in the run
 * directory. Killed or interrupted, the same job goes on from its newest checkpoint.
 * @throws VamoError of reading days, training, exporting; see `train` and `exportCandidate`
 */
export async function runNight(job: TrainJob, options: NightOptions): Promise<TrainOutcome> {
  const { config, seed } = job;
  const data = await openDirectoryStore(job.dataRoot);
  const run = await openDirectoryStore(job.runDirectory);
  const rules: ReplayRules = { ...config.market, tasks: config.tasks };
  const days = await readDays(data, job, rules);
  const parent = await readParent(job);
  throwIfAborted(options.signal);
  const scales = scalesOf(normaliserOf(days.train, rules), parent?.normaliser);
  const seesMarket = config.model.temporal !== 'none';
  const history = seesMarket ? await readHistory(data, job) : null;
  const dataset = datasetOf(days, scales, rules, history);
  const result = await train({
    ...options,
    dataset,
    model: config.model,
    training: parent ? gentler(config.training) : config.training,
    steps: parent ? config.training.fineTuneSteps : config.training.steps,
    seed,
    parent,
    runKey: runKeyOf(job, parent),
    store: run,
  });
  const [test, yesterday, pinned] = [
    days.test.at(-1),
    days.validation.at(-1),
    job.days.test.at(-1),
  ];
  if (!test || !yesterday || !pinned) throw new VamoError('USAGE', 'training job: no test day');
  const { threads } = config.training;
  const before = (day: string) => marketBefore(day, days, scales, history);
  const servedDay = addDays(dayKey(test.day), 1);
  const market = before(servedDay);
  const trained: ExportOptions = {
    settings: config.model,
    plan: result.plan,
    io: result.io,
    models: result.models,
    normaliser: scales,
    batch: config.release.batch,
    trajectories: dataset.splits.train.trajectories,
    served: market && { day: servedDay, market },
  };
  const normaliser = await chooseAskedReturns({
    exported: trained,
    validation: yesterday,
    market: before(yesterday.day),
    rules,
    threads,
    signal: options.signal,
  });
  const exported = { ...trained, normaliser };
  const candidate = await exportCandidate(exported);
  const replay = await evaluateRun({
    subject: candidate.digest,
    result,
    exported,
    normaliser,
    days: { yesterday, test },
    market: before(test.day),
    pinned,
    rules,
    threads,
    signal: options.signal,
  });
  return writeResult(run, {
    job,
    normaliser,
    candidate,
    result,
    record: { ...result.record, replay },
  });
}

/** Shapes of the temporal module for the manifest. */
function temporalShapes({ temporal, hidden }: ModelSettings, { io, models }: TrainResult) {
  if (temporal === 'none' || io.market === undefined) return {};
  return { temporal: { models: models.length, hidden, ...io.market } };
}

/** Puts every file, `result.json` last: a directory without it is not finished. */
async function writeResult(
  run: ObjectStore,
  night: {
    readonly job: TrainJob;
    readonly normaliser: Normaliser;
    readonly candidate: Candidate;
    readonly result: TrainResult;
    readonly record: RunRecord;
  },
): Promise<TrainOutcome> {
  const { job, normaliser, candidate, result, record } = night;
  const files = { ...candidate.files, evaluation: json(record.replay) };
  const described: Partial<TrainOutcome['files']> = {};
  for (const role of CANDIDATE_FILES) {
    const bytes = files[role];
    if (bytes === undefined) continue;
    await run.put(RUN_FILES[role], bytes);
    const path = join(job.runDirectory, RUN_FILES[role]);
    described[role] = { path, sha256: sha256(bytes), size: bytes.length };
  }
  await run.put(RUN_FILES.run, json(record));
  await run.put(RUN_FILES.report, new TextEncoder().encode(renderReport(record)));
  const { io, plan: _plan } = result;
  const outcome: TrainOutcome = {
    schema: 'train-result/v1',
    digest: candidate.digest,
    files: described as TrainOutcome['files'],
    io: {
      tasks: [...record.tasks],
      steps: io.steps,
      features: io.features,
      batch: job.config.release.batch,
      policyHead: job.config.model.policyHead,
      ...temporalShapes(job.config.model, result),
    },
    limits: Object.fromEntries(
      normaliser.tasks.map((t) => [t.id, [t.alphaLow, t.alphaHigh]] as const),
    ),
    method: record.method,
    seed: record.seed,
    steps: record.steps,
    parent: record.parent,
  };
  await run.put(RUN_FILES.result, json(outcome));
  return outcome;
}
