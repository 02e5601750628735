import {
  type DayCounts,
  type DaySteps,
  type PartitionManifest,
  STEP_COLUMNS,
  type StepColumn,
} from '../contracts/index.ts';
import { type DayKey, dayKey, isVamoError } from '../core/index.ts';
import { readDaySteps } from '../store/index.ts';
import type { Context } from './context.ts';

/** What a simulated day must be found to hold once it is sealed. */
export interface Truth {
  readonly counts: DayCounts;
  readonly steps: DaySteps;
}

const keyOf = (day: string): string => `truth/${day}.json`;

export async function writeTruth({ store }: Context, { counts, steps }: Truth): Promise<void> {
  const campaigns = steps.campaigns.map(({ columns, ...campaign }) => ({
    ...campaign,
    columns: Object.fromEntries(STEP_COLUMNS.map((c) => [c, Array.from(columns[c])])),
  }));
  await store.put(
    keyOf(steps.day),
    Buffer.from(JSON.stringify({ counts, day: steps.day, campaigns })),
  );
}

async function readTruth({ store }: Context, day: DayKey): Promise<Truth | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await store.get(keyOf(day));
  } catch (error) {
    if (isVamoError(error, 'STORE_NOT_FOUND')) return undefined;
    throw error;
  }
  // Written by this program for its own checks; not an edge that others write to.
  const saved = JSON.parse(Buffer.from(bytes).toString()) as {
    counts: DayCounts;
    campaigns: {
      campaignId: string;
      advertiserId: string;
      task: string;
      columns: Record<StepColumn, number[]>;
    }[];
  };
  const campaigns = saved.campaigns.map(({ columns, ...campaign }) => ({
    ...campaign,
    columns: Object.fromEntries(
      STEP_COLUMNS.map((c) => [c, Float64Array.from(columns[c])]),
    ) as Record<StepColumn, Float64Array>,
  }));
  return { counts: saved.counts, steps: { day, campaigns } };
}

export interface TruthCheck {
  readonly day: string;
  /** Integers compared. */
  readonly compared: number;
  readonly differing: number;
  readonly countsAgree: boolean;
}

/** A sealed day against the simulator's own sums; undefined when the day was not simulated here. */
export async function checkAgainstTruth(
  context: Context,
  manifest: PartitionManifest,
): Promise<TruthCheck | undefined> {
  const truth = await readTruth(context, dayKey(manifest.day));
  if (!truth) return undefined;
  const sealed = await readDaySteps(context.store, manifest);
  const found = new Map(sealed.campaigns.map((c) => [c.campaignId, c]));
  let compared = 0;
  let differing = Math.abs(sealed.campaigns.length - truth.steps.campaigns.length);
  for (const campaign of truth.steps.campaigns)
    for (const column of STEP_COLUMNS) {
      // The truth of a day knows nothing of the days after it.
      if (column === 'reward_attributed' && manifest.attributionMs > 0) continue;
      const ours = found.get(campaign.campaignId)?.columns[column];
      campaign.columns[column].forEach((value, step) => {
        compared++;
        if (ours?.[step] !== value) differing++;
      });
    }
  const countsAgree = Object.entries(truth.counts).every(
    ([name, count]) => manifest.counts[name as keyof DayCounts] === count,
  );
  return { day: manifest.day, compared, differing, countsAgree };
}
