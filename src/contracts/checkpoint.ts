import { z } from 'zod';
import { ENGINE_KINDS } from '../core/index.ts';

export const VERSION_PATTERN = /^\d{4}-\d{2}-\d{2}-r\d{1,4}-[0-9a-f]{12}$/;
export const DIGEST_PATTERN = /^[0-9a-f]{64}$/;
const digest = z.string().regex(DIGEST_PATTERN);

/** What a file of a checkpoint is; a closed list, never used as a path. */
export const CHECKPOINT_ROLES = [
  'graph',
  'normaliser',
  'golden',
  'weights',
  'evaluation',
  'temporal',
  'table',
] as const;
export type CheckpointRole = (typeof CHECKPOINT_ROLES)[number];

const checkpointFile = z.strictObject({
  role: z.enum(CHECKPOINT_ROLES),
  mediaType: z.string(),
  size: z.int().min(0),
  sha256: digest,
  /** Whether bidders download it. */
  serve: z.boolean(),
});

export const pinnedDay = z.strictObject({
  day: z.string(),
  generation: z.int(),
  digest: z.string(),
  stepsDigest: z.string(),
});
export type PinnedDay = z.infer<typeof pinnedDay>;

/** Where a checkpoint came from: everything that determines its bytes. */
const lineage = z.strictObject({
  train: z.array(pinnedDay),
  validation: z.array(pinnedDay),
  test: z.array(pinnedDay),
  history: z.array(pinnedDay),
  configHash: digest,
  seed: z.int(),
  code: z.string(),
  /** Version this one was fine-tuned from; null = cold start. */
  parent: z.string().nullable(),
  method: z.string(),
  steps: z.int(),
  /** What computed the training steps; absent in checkpoints older than the choice: `cpu`. */
  engine: z.enum(ENGINE_KINDS).optional(),
});
export type Lineage = z.infer<typeof lineage>;

/** Shapes of the temporal module; absent = the model has none. */
export const temporalIo = z.strictObject({
  /** Parameter sets, each with a module of its own. */
  models: z.int().min(1),
  hidden: z.int().min(1),
  channels: z.int().min(1),
  /** Steps of market history, whole days. */
  history: z.int().min(1),
});

/**
 * A published model: content-addressed files and how they came to be.
 * `digest` = SHA-256 over the sorted lines `role:sha256` of its files (evaluation left out) and the
 * lineage: equal inputs, equal digest. `version` = `<test day>-r<revision>-<first 12 of digest>`.
 */
export const checkpointManifest = z.strictObject({
  schema: z.literal('checkpoint/v1'),
  version: z.string().regex(VERSION_PATTERN),
  digest,
  files: z.array(checkpointFile),
  io: z.strictObject({
    tasks: z.array(z.string()).min(1),
    steps: z.int(),
    features: z.int(),
    /** Rows a call takes (static shapes); callers pad. */
    batch: z.int().min(1),
    policyHead: z.enum(['inverse', 'action']),
    temporal: temporalIo.optional(),
  }),
  /** Release limits on alpha per task, from training quantiles, and the slowest answer allowed. */
  limits: z.strictObject({
    alpha: z.record(z.string(), z.tuple([z.number(), z.number()])),
    maxMs: z.number(),
  }),
  lineage,
});
export type CheckpointManifest = z.infer<typeof checkpointManifest>;

/**
 * What turns raw features into the graph's inputs and its outputs into bids. Travels with the
 * graph: a model with yesterday's statistics is the classic skew. All arrays plain numbers.
 */
export const normaliser = z.strictObject({
  schema: z.literal('normaliser/v1'),
  /** Per state feature, over the training days, after the log transform of the features that have one. */
  stateMean: z.array(z.number()),
  stateSd: z.array(z.number()),
  /** Per market channel. */
  marketMean: z.array(z.number()),
  marketSd: z.array(z.number()),
  /** Cumulative mean traffic share H_t of the training days, length 97, from 0 to 1. */
  trafficShare: z.array(z.number()),
  tasks: z.array(
    z.strictObject({
      id: z.string(),
      unitPrice: z.number(),
      /** Label scale: y = clip((e - low)/(high - low), 0, 1). */
      labelLow: z.number(),
      labelHigh: z.number(),
      /** Mean and sd of ln alpha over the training steps; the inverse model's target scale. */
      logAlphaMean: z.number(),
      logAlphaSd: z.number(),
      /** Training quantiles 0.1 % and 99.9 % of alpha. */
      alphaLow: z.number(),
      alphaHigh: z.number(),
      /** The return label asked for in service, y*. */
      askedReturn: z.number(),
    }),
  ),
});
export type Normaliser = z.infer<typeof normaliser>;

/** Inputs and outputs a loader must reproduce before it trusts a graph. Flat float arrays, `batch` rows. */
export const goldenRows = z.strictObject({
  schema: z.literal('golden/v1'),
  inputs: z.record(
    z.string(),
    z.strictObject({ shape: z.array(z.int()), data: z.array(z.number()) }),
  ),
  outputs: z.record(
    z.string(),
    z.strictObject({ shape: z.array(z.int()), data: z.array(z.number()) }),
  ),
  atol: z.number(),
  rtol: z.number(),
});
export type GoldenRows = z.infer<typeof goldenRows>;
