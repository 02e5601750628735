import { z } from 'zod';
import {
  limitOf,
  type PartitionManifest,
  partitionManifest,
  partitionManifestV1,
} from './partition.ts';

/** In the place of a manifest: from this generation on there is no such day, until it is made again. */
const withdrawal = z.strictObject({
  schema: z.literal('withdrawn/v1'),
  day: z.string(),
  generation: z.int().min(1),
});
export type Withdrawal = z.infer<typeof withdrawal>;

/**
 * What stands in `manifest.json`, with the checksum that `withChecksum` gives. Version 1 knew one
 * generation, a seal.
 */
export const storedGeneration = z.discriminatedUnion('schema', [
  partitionManifest.extend({ checksum: z.string() }),
  partitionManifestV1.extend({ checksum: z.string() }),
  withdrawal.extend({ checksum: z.string() }),
]);

/** A generation as it is today from one of any version that was ever written. */
export function currentGeneration(
  stored: z.infer<typeof storedGeneration>,
): PartitionManifest | Withdrawal {
  const { checksum: _, ...manifest } = stored;
  if (manifest.schema !== 'partition/v1') return manifest;
  const limit = limitOf(manifest);
  const { records, dead_lettered } = manifest.counts;
  return {
    ...manifest,
    schema: 'partition/v2',
    kind: 'seal',
    parent: null,
    inputs: {
      base: null,
      backfill: null,
      restored: null,
      live: { rows: records - dead_lettered, dead: dead_lettered },
      rewardCut: [],
    },
    latePolicy: 'drop',
    attributionMs: 0,
    matureAtMs: limit,
    rewardsUntilMs: limit,
    arrivedUntilMs: limit,
  };
}
