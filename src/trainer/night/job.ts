import { z } from 'zod';
import {
  DIGEST_PATTERN,
  pinnedDay,
  REWARD_FIELDS,
  storeSettings,
  type TaskSpec,
  temporalIo,
} from '../../contracts/index.ts';
import { VamoError } from '../../core/index.ts';
import type { RewardKind } from '../../features/index.ts';
import type { ModelSettings } from '../../model/index.ts';
import type { TrainingSettings } from '../loop/trainee.ts';

/** The parts of the configuration that determine a checkpoint; validated where it was loaded. */
export interface NightConfig {
  readonly tasks: readonly TaskSpec[];
  readonly market: { readonly reserve: number; readonly minRemaining: number };
  readonly model: ModelSettings;
  readonly training: TrainingSettings & {
    readonly steps: number;
    readonly fineTuneSteps: number;
    readonly methodFile: string | null;
    /** Factor on the learning rates when fine-tuning. */
    readonly fineTuneRate: number;
    /** What a step's action is learned from; see `datasetOf`. */
    readonly actions: 'logged' | 'hindsight';
    /** What return labels count. Absent in jobs of an older program: predicted. */
    readonly reward?: RewardKind;
  };
  readonly release: { readonly batch: number };
}

const days = z.array(pinnedDay);

/** What a training process is told: everything, so that it depends on nothing else. */
const trainJob = z.strictObject({
  schema: z.literal('train-job/v1'),
  /** Data directory with the sealed days. */
  dataRoot: z.string(),
  /** Where its sealed days lie. */
  store: storeSettings.default({ kind: 'directory' }),
  /** Where checkpoints and results go; the same job in the same directory goes on. */
  runDirectory: z.string(),
  /** Pinned generations; their digests are checked. */
  days: z.strictObject({
    history: days,
    train: days.min(1),
    validation: days.min(1),
    test: days.min(1),
  }),
  config: z.looseObject({
    tasks: z.array(
      z.strictObject({
        id: z.string(),
        reward: z.enum(REWARD_FIELDS),
        unitPrice: z.number().positive(),
      }),
    ),
    market: z.strictObject({ reserve: z.number(), minRemaining: z.number() }),
    model: z.custom<ModelSettings>((x) => typeof x === 'object' && x !== null),
    training: z.custom<NightConfig['training']>((x) => typeof x === 'object' && x !== null),
    release: z.looseObject({ batch: z.int().min(1) }),
  }),
  configHash: z.string().regex(DIGEST_PATTERN),
  /** Of the bytes of `training.methodFile`; the run is refused if they change. */
  methodSha256: z.string().regex(DIGEST_PATTERN).optional(),
  seed: z.int().min(0),
  /** Version of the code that trains; part of the lineage. */
  code: z.string(),
  /** The version to fine-tune from: paths of its files; null = cold start. */
  parent: z
    .strictObject({ version: z.string(), weights: z.string(), normaliser: z.string() })
    .nullable(),
});
export type TrainJob = z.infer<typeof trainJob>;

/** @throws VamoError USAGE naming the field */
export function parseTrainJob(json: unknown): TrainJob {
  const parsed = trainJob.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new VamoError(
    'USAGE',
    `training job: ${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'invalid'}`,
  );
}

/** Files of the run directory, beside its checkpoints. `result.json` is written last. */
export const RUN_FILES = {
  graph: 'candidate/graph.onnx',
  normaliser: 'candidate/normaliser.json',
  golden: 'candidate/golden.json',
  weights: 'candidate/weights.safetensors',
  evaluation: 'candidate/evaluation.json',
  temporal: 'candidate/temporal.onnx',
  table: 'candidate/table.json',
  run: 'run.json',
  report: 'report.html',
  result: 'result.json',
} as const;

/** Files of a candidate, by role of the checkpoint contract. */
export const CANDIDATE_FILES = [
  'graph',
  'normaliser',
  'golden',
  'weights',
  'evaluation',
  'temporal',
  'table',
] as const;

const runFile = z.strictObject({ path: z.string(), sha256: z.string(), size: z.int() });

/** What a finished training process says; also in `result.json`. */
export const trainOutcome = z.strictObject({
  schema: z.literal('train-result/v1'),
  /** Over the candidate's graph, normaliser, golden rows and weights. */
  digest: z.string(),
  files: z.strictObject({
    graph: runFile,
    normaliser: runFile,
    golden: runFile,
    weights: runFile,
    evaluation: runFile,
    /** With a temporal module only. */
    temporal: runFile.optional(),
    table: runFile.optional(),
  }),
  io: z.strictObject({
    tasks: z.array(z.string()),
    steps: z.int(),
    features: z.int(),
    batch: z.int(),
    policyHead: z.enum(['inverse', 'action']),
    temporal: temporalIo.optional(),
  }),
  limits: z.record(z.string(), z.tuple([z.number(), z.number()])),
  method: z.string(),
  seed: z.int(),
  steps: z.int(),
  parent: z.string().nullable(),
});
export type TrainOutcome = z.infer<typeof trainOutcome>;
