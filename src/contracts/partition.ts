import { z } from 'zod';
import { DAY_MS, dayKey, dayStartMs } from '../core/index.ts';

/** Per day: records = accepted + duplicate + late + dead_lettered, always. */
const dayCounts = z.strictObject({
  records: z.int().min(0),
  accepted: z.int().min(0),
  duplicate: z.int().min(0),
  late: z.int().min(0),
  dead_lettered: z.int().min(0),
});
export type DayCounts = z.infer<typeof dayCounts>;

/** `rewards`: conversions and carts of later days that count for outcomes of this day. */
const partitionFile = z.strictObject({
  role: z.enum(['events', 'steps', 'rewards']),
  key: z.string(),
  rows: z.int().min(0),
  bytes: z.int().min(0),
  sha256: z.string(),
});

/** The first offset of a source partition that no longer belongs to the day. */
const cutPoint = z.strictObject({
  topic: z.string(),
  partition: z.int(),
  offset: z.string(),
});
export type CutPoint = z.infer<typeof cutPoint>;

/** What becomes of rows that arrive after the cut; see `days.late` in the configuration. */
export const LATE_POLICIES = ['drop', 'amend', 'auto'] as const;
export type LatePolicy = (typeof LATE_POLICIES)[number];

export const BACKFILL_MODES = ['merge', 'replace'] as const;
export type BackfillMode = (typeof BACKFILL_MODES)[number];

/** What a generation was built from, beside the live rows below its cut. */
const generationInputs = z.strictObject({
  /** The generation whose rows it took over; null = none. */
  base: z.strictObject({ generation: z.int().min(1), digest: z.string() }).nullable(),
  /** The newest backfill whose rows are in. */
  backfill: z.strictObject({ id: z.string(), mode: z.enum(BACKFILL_MODES) }).nullable(),
  /** `undo`: the generation whose files these are. */
  restored: z.int().min(1).nullable(),
  /** What the live ledgers held of the day when it was built: what is there beyond came later. */
  live: z.strictObject({ rows: z.int().min(0), dead: z.int().min(0) }),
  /** Records of earlier generations whose place a backfill took; not there when there are none. */
  replaced: z.int().min(1).optional(),
  /** The first offset per partition whose conversions were not looked at any more. */
  rewardCut: z.array(cutPoint),
});

const common = {
  day: z.string(),
  generation: z.int().min(1),
  /** SHA-256 over the payload columns in canonical order; the same events give the same digest from any source. */
  digest: z.string(),
  /** SHA-256 over the columns of steps.arrow. */
  stepsDigest: z.string(),
  files: z.array(partitionFile),
  /** Live rows below it are in; those from it on are late. */
  cut: z.array(cutPoint),
  counts: dayCounts,
  /** Duplicate ids whose payloads differed, added up over the generations it was built on. */
  clashes: z.int().min(0),
  /** Outcomes of campaigns without a campaign event that day: counted, kept, left out of steps. */
  orphanOutcomes: z.int().min(0),
  /** Campaigns per task. */
  campaigns: z.record(z.string(), z.int()),
  utcOffsetMinutes: z.int(),
  latenessMs: z.int(),
};

/**
 * A sealed generation of a day: `days/DAY/gNNNN/{events-DIGEST.arrow, steps-DIGEST.arrow,
 * manifest.json}`. The manifest is written last, only if absent; a day is sealed when its manifest is
 * there. Of several generations the highest counts, unless a reader has pinned one.
 */
export const partitionManifest = z.strictObject({
  schema: z.literal('partition/v2'),
  ...common,
  kind: z.enum(['seal', 'amend', 'backfill', 'undo']),
  /** The newest generation when this one was made; null = the first. */
  parent: z.int().min(1).nullable(),
  inputs: generationInputs,
  latePolicy: z.enum(LATE_POLICIES),
  /** A conversion counts for its outcome up to this long after it; 0 = on the outcome's day only. */
  attributionMs: z.int().min(0),
  /** From this arrival time on no conversion counts for the day any more. */
  matureAtMs: z.int(),
  /** Conversions that arrived before this time are in; the labels are mature from `matureAtMs` on. */
  rewardsUntilMs: z.int(),
  /** Arrival time up to which rows of the day were taken in. */
  arrivedUntilMs: z.int(),
});
export type PartitionManifest = z.infer<typeof partitionManifest>;

export const partitionManifestV1 = z.strictObject({ schema: z.literal('partition/v1'), ...common });

/** The day's end and the allowed lateness: rows that arrive from then on are late. */
export function limitOf(manifest: {
  readonly day: string;
  readonly utcOffsetMinutes: number;
  readonly latenessMs: number;
}): number {
  const start = dayStartMs(dayKey(manifest.day), manifest.utcOffsetMinutes);
  return start + DAY_MS + manifest.latenessMs;
}

/** Whether every conversion that counts for the day is in its labels. */
export function isMature(manifest: PartitionManifest): boolean {
  return manifest.rewardsUntilMs >= manifest.matureAtMs;
}
