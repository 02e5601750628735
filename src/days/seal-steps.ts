import { type DaySteps, limitOf, type PartitionManifest, STEP_ROWS } from '../contracts/index.ts';
import { sha256 } from '../core/index.ts';
import {
  columnsDigest,
  encodeDaySteps,
  findManifest,
  type ObjectStore,
  partitionFileKey,
  STEPS_FILE_COLUMNS,
  writeManifest,
} from '../store/index.ts';

const GENERATION = 1;

/**
 * Seals a day of which only the step sums are known, as a foreign system or the slot-level simulator
 * gives them. A model can learn from it (labels fall back to return per budget), but it cannot be
 * replayed, for it has no events: `vamo train` evaluates and chooses the returns it asks for by replay,
 * and needs days with events for that. Sealed already, the day stays as it is.
 * @throws VamoError STORE_FULL, STORE_IO, STORE_CORRUPT
 */
export async function sealSteps(
  store: ObjectStore,
  steps: DaySteps,
  days: { readonly utcOffsetMinutes: number; readonly latenessMs: number },
): Promise<PartitionManifest> {
  const sealed = await findManifest(store, steps.day, GENERATION);
  if (sealed !== undefined) return sealed;
  const bytes = encodeDaySteps(steps);
  const stepsDigest = columnsDigest(bytes, STEPS_FILE_COLUMNS);
  const digest = sha256(bytes);
  const key = partitionFileKey({ day: steps.day, generation: GENERATION }, 'steps', digest);
  const campaigns: Record<string, number> = {};
  for (const { task } of steps.campaigns) campaigns[task] = (campaigns[task] ?? 0) + 1;
  const limit = limitOf({ day: steps.day, ...days });
  const manifest: PartitionManifest = {
    schema: 'partition/v2',
    day: steps.day,
    generation: GENERATION,
    kind: 'seal',
    parent: null,
    digest: stepsDigest,
    stepsDigest,
    files: [
      {
        role: 'steps',
        key,
        rows: steps.campaigns.length * STEP_ROWS,
        bytes: bytes.byteLength,
        sha256: digest,
      },
    ],
    cut: [],
    counts: { records: 0, accepted: 0, duplicate: 0, late: 0, dead_lettered: 0 },
    clashes: 0,
    orphanOutcomes: 0,
    campaigns,
    inputs: {
      base: null,
      backfill: null,
      restored: null,
      live: { rows: 0, dead: 0 },
      rewardCut: [],
    },
    utcOffsetMinutes: days.utcOffsetMinutes,
    latenessMs: days.latenessMs,
    latePolicy: 'drop',
    attributionMs: 0,
    matureAtMs: limit,
    rewardsUntilMs: limit,
    arrivedUntilMs: limit,
  };
  await store.put(key, bytes);
  return writeManifest(store, manifest);
}
