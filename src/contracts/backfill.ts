import { z } from 'zod';
import { DIGEST_PATTERN } from './checkpoint.ts';
import { BACKFILL_MODES } from './partition.ts';

const offset = z.int().min(0);
const digest = z.string().regex(DIGEST_PATTERN);

/** A mapping, as it was planned with. */
const plannedMapping = z.strictObject({ name: z.string(), sha256: digest });
export type PlannedMapping = z.infer<typeof plannedMapping>;

/** How the lines of a file become events; `mapping` names the mapping and its digest. */
const FILE_FORMS = ['events', 'log', 'mapping', 'arrow', 'parquet'] as const;

const plannedFile = z.strictObject({
  path: z.string(),
  /** As it lies there, compressed or not. */
  bytes: z.int().min(0),
  sha256: digest.optional(),
  /** Of an object, `s3://BUCKET/KEY`, in place of a digest: as the service tells it. */
  etag: z.string().min(1).optional(),
  form: z.enum(FILE_FORMS),
});
export type PlannedFile = z.infer<typeof plannedFile>;

const source = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('topic'),
    cluster: z.string(),
    topic: z.string(),
    /** By partition: records [from, to), those that arrived in [fromMs, untilMs). */
    ranges: z.array(z.strictObject({ from: offset, to: offset })),
    fromMs: z.int(),
    untilMs: z.int(),
    /**
     * Every partition held something that arrived at `untilMs` or later when the ranges were fixed.
     * Plans of before this was asked do not say: not shown.
     */
    isWhole: z.boolean().default(false),
  }),
  z.strictObject({
    kind: z.literal('files'),
    files: z.array(plannedFile),
    mapping: plannedMapping.nullable(),
  }),
  z.strictObject({
    kind: z.literal('dead-letters'),
    /** In place of the configured one. */
    mapping: plannedMapping.optional(),
    /** Files of the data directory's own dead letters, and how many arrived on each day. */
    files: z.array(
      z.strictObject({
        key: z.string(),
        sha256: digest,
        rows: z.int().min(0),
        byDay: z.record(z.string(), z.int()),
      }),
    ),
  }),
]);

/**
 * What a backfill reads and which days it makes, fixed before anything is read: `backfill/ID/plan.json`,
 * created only if absent. The id is made of the rest, so the same plan twice is one backfill.
 */
export const backfillPlan = z.strictObject({
  schema: z.literal('backfill/v1'),
  id: z.string().regex(/^[0-9a-z-]{1,64}$/),
  from: z.string(),
  to: z.string(),
  mode: z.enum(BACKFILL_MODES),
  source,
  /** Rises when the same plan is made again after it was undone. */
  round: z.int().min(1),
});
export type BackfillPlan = z.infer<typeof backfillPlan>;

/** Which generation of a day a backfill made: `backfill/ID/days/DAY.json`. */
export const backfilledDay = z.strictObject({
  schema: z.literal('backfilled-day/v1'),
  day: z.string(),
  generation: z.int().min(1),
  /** The newest generation before; null = the day was not there. */
  parent: z.int().min(1).nullable(),
});
export type BackfilledDay = z.infer<typeof backfilledDay>;
