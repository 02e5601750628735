import { z } from 'zod';

/** Per day: records = accepted + duplicate + late + dead_lettered, always. */
const dayCounts = z.strictObject({
  records: z.int().min(0),
  accepted: z.int().min(0),
  duplicate: z.int().min(0),
  late: z.int().min(0),
  dead_lettered: z.int().min(0),
});
export type DayCounts = z.infer<typeof dayCounts>;

const partitionFile = z.strictObject({
  role: z.enum(['events', 'steps']),
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

/**
 * A sealed generation of a day: `days/DAY/gNNNN/{events.arrow, steps.arrow, manifest.json}`. The
 * manifest is written last, only if absent; a day is sealed when its manifest is there.
 */
const partitionManifest = z.strictObject({
  schema: z.literal('partition/v1'),
  day: z.string(),
  generation: z.int().min(1),
  /** SHA-256 over the payload columns in canonical order; the same events give the same digest from any source. */
  digest: z.string(),
  /** SHA-256 over the columns of steps.arrow. */
  stepsDigest: z.string(),
  files: z.array(partitionFile),
  cut: z.array(cutPoint),
  counts: dayCounts,
  /** Duplicate ids whose payloads differed. */
  clashes: z.int().min(0),
  /** Outcomes of campaigns without a campaign event that day: counted, kept, left out of steps. */
  orphanOutcomes: z.int().min(0),
  /** Campaigns per task. */
  campaigns: z.record(z.string(), z.int()),
  utcOffsetMinutes: z.int(),
  latenessMs: z.int(),
});
/** As stored: with the checksum that `withChecksum` gives. */
export const storedPartitionManifest = partitionManifest.extend({ checksum: z.string() });
export type PartitionManifest = z.infer<typeof partitionManifest>;
