import { z } from 'zod';

const offset = z.string().regex(/^\d{1,20}$/);

/** A segment: the accepted rows of one day in one offset range. Immutable, visible once a ledger entry names it. */
const segmentRef = z.strictObject({
  key: z.string(),
  day: z.string(),
  rows: z.int().min(0),
  bytes: z.int().min(0),
  sha256: z.string(),
});
export type SegmentRef = z.infer<typeof segmentRef>;

/** Bad records of an offset range, by the day they arrived on. */
const deadLetterRef = z.strictObject({
  key: z.string(),
  rows: z.int().min(0),
  bytes: z.int().min(0),
  sha256: z.string(),
  byDay: z.record(z.string(), z.int()),
});
export type DeadLetterRef = z.infer<typeof deadLetterRef>;

/**
 * One committed offset range [from, to) of one source partition. Its key is made of `from` and it
 * is created only if absent: that creation is the commit (exactly once; ranges tile without overlap).
 * Offsets are Kafka's, or byte positions of a log file.
 */
const ledgerEntry = z.strictObject({
  schema: z.literal('ledger/v1'),
  topic: z.string(),
  partition: z.int().min(0),
  from: offset,
  to: offset,
  /** Names the writer and the attempt; an ambiguous create is settled by reading it back. */
  nonce: z.string(),
  /** Records read from the source in the range: filtered, dead-lettered, repeated, or giving one row or more. */
  records: z.int().min(0),
  /** Records that a mapping's filter leaves out; not there when none were. */
  filtered: z.int().min(1).optional(),
  /** Records whose events (a mapping's `once`) all stand in the range already; not there when none were. */
  repeated: z.int().min(1).optional(),
  /** Largest arrival_ms in the range; lets a reader find the cut without opening segments. */
  maxArrivalMs: z.int(),
  /**
   * [offset, arrival_ms] of bad, filtered and repeated records that arrived in a later minute than all
   * before them in the partition: what the rows of the segments do not tell of where a time was passed.
   * Not there when there are none.
   */
  marks: z
    .array(z.tuple([z.int().min(0), z.int()]))
    .min(1)
    .optional(),
  segments: z.array(segmentRef),
  deadLetters: deadLetterRef.nullable(),
  /** The source deleted these offsets before they were read; there are no records. */
  gap: z.literal(true).optional(),
});
/** As stored: with the checksum that `withChecksum` gives. */
export const storedLedgerEntry = ledgerEntry.extend({ checksum: z.string() });
export type LedgerEntry = z.infer<typeof ledgerEntry>;

/** Consecutive entries of one ledger in one object, so that a reader need not open each. Derived from them. */
export const ledgerPack = z.strictObject({
  schema: z.literal('ledger-pack/v1'),
  entries: z.array(ledgerEntry).min(1),
});

/**
 * What a data directory ingests. A mismatch stops the ingester; more partitions of a topic are recorded
 * anew, when they are accepted.
 */
export const sourceIdentity = z.strictObject({
  schema: z.literal('source/v1'),
  kind: z.enum(['file', 'files', 'kafka']),
  /** Kafka: the cluster id. File: the log directory's own id file. Files: made of their contents. */
  id: z.string(),
  topic: z.string(),
  partitions: z.int().min(1),
  /** Files at rest: where each ends. Nothing comes after that, so no day of theirs waits for more. */
  ends: z.array(z.int().min(0)).optional(),
  /**
   * Kafka: the earliest offset of each partition when it was recorded. What is deleted from there on
   * before it is read is lost. null = not known, the record is older than this field.
   */
  starts: z.array(z.int().min(0).nullable()).optional(),
});
export type SourceIdentity = z.infer<typeof sourceIdentity>;
