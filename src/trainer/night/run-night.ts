import { join } from 'node:path';
import { type Logger, sha256, stableJson, throwIfAborted, VamoError } from '../../core/index.ts';
import type { Normaliser } from '../../contracts/index.ts';
import type { ReplayRules } from '../../eval/index.ts';
import type { ModelSettings } from '../../model/index.ts';
import { openDirectoryStore, type ObjectStore, openStore } from '../../store/index.ts';
import { type Candidate, exportCandidate } from '../candidate/export.ts';
import type { TrainOptions, TrainResult } from '../loop/train.ts';
import { renderReport } from '../report/index.ts';
import { type RunRecord, type Split, SPLITS } from '../run-record.ts';
import { loadMethodFile } from '../weighting/index.ts';
import { readDays, readHistory } from './days.ts';
import { evaluateRun } from './evaluate-run.ts';
import { learn, type Parent } from './learn.ts';
import { readParent } from './parent.ts';
import type { NightProgress } from './stages.ts';
import type { TrainingDay } from './training-day.ts';
import { CANDIDATE_FILES, RUN_FILES, type TrainJob, type TrainOutcome } from './job.ts';

export interface NightOptions {
  readonly signal?: AbortSignal | undefined;
  readonly progress?: NightProgress | undefined;
  readonly onResume?: TrainOptions['onResume'];
  readonly log: Logger;
}

type NightTraining = TrainJob['config']['training'];

/** The training part, with the user's own method loaded where one is configured. */
async function trainingOf({ config, methodSha256 }: TrainJob): Promise<NightTraining> {
  const { methodFile, method: name } = config.training;
  if (methodFile === null) return config.training;
  const ownMethod = await loadMethodFile(methodFile, { name, sha256: methodSha256 });
  return { ...config.training, ownMethod };
}

/** Names all that determines a run's result, and nothing else. */
function runKeyOf(job: TrainJob, parent: Parent | null): string {
  const { days, configHash, seed } = job;
  const { engine } = job.config.training;
  const inherited = parent && {
    version: parent.version,
    weights: parent.models.map((m) => [m.generator, m.inverse].map((x) => sha256(bytesOf(x)))),
  };
  return sha256(stableJson({ days, configHash, engine, seed, parent: inherited }));
}

const bytesOf = (x: Float32Array): Uint8Array =>
  new Uint8Array(x.buffer, x.byteOffset, x.byteLength);
const json = (value: unknown): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value)}\n`);

/**
 * One night's training from sealed days to a candidate's files, evaluation and report in the run
 * directory. Killed or interrupted, the same job goes on from its newest checkpoint.
 * @throws VamoError of `readParent`, reading days, training, exporting; see `train` and `exportCandidate`
 */
export async function runNight(job: TrainJob, options: NightOptions): Promise<TrainOutcome> {
  const { config } = job;
  const training = await trainingOf(job);
  const parent = await readParent(job);
  const data = await openStore(job.dataRoot, job.store);
  const rules: ReplayRules = { ...config.market, tasks: config.tasks };
  const { actions, reward } = config.training;
  const days = await readDays(data, job, { rules, actions, reward });
  try {
    return await learnAndExport({ job, training, parent, days, data, rules }, options);
  } finally {
    for (const split of SPLITS) for (const day of days[split]) day.close();
  }
}

async function learnAndExport(
  {
    job,
    training,
    parent,
    days,
    data,
    rules,
  }: {
    readonly job: TrainJob;
    readonly training: NightTraining;
    readonly parent: Parent | null;
    readonly days: Record<Split, TrainingDay[]>;
    readonly data: ObjectStore;
    readonly rules: ReplayRules;
  },
  options: NightOptions,
): Promise<TrainOutcome> {
  const { config, seed } = job;
  const run = await openDirectoryStore(job.runDirectory);
  throwIfAborted(options.signal);
  const seesMarket = config.model.temporal !== 'none';
  const history = seesMarket ? await readHistory(data, job) : null;
  const runKey = runKeyOf(job, parent);
  const { result, exported, before } = await learn({
    ...options,
    days,
    history,
    config: { ...config, training },
    seed,
    parent,
    runKey,
    store: run,
  });
  const { normaliser } = exported;
  const [test, yesterday, pinned] = [
    days.test.at(-1),
    days.validation.at(-1),
    job.days.test.at(-1),
  ];
  if (!test || !yesterday || !pinned) throw new VamoError('USAGE', 'training job: no test day');
  const candidate = await exportCandidate(exported);
  const replay = await evaluateRun({
    subject: candidate.digest,
    result,
    exported,
    champion: parent,
    days: { yesterday, test },
    market: before(test.day),
    pinned,
    rules,
    threads: config.training.threads,
    signal: options.signal,
    progress: options.progress?.('replay'),
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
