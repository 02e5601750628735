import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type DayCounts,
  type DaySteps,
  type PartitionManifest,
  STEP_COLUMNS,
  type StepColumn,
} from '../contracts/index.ts';
import { systemCode, VamoError } from '../core/index.ts';
import type { Difference } from '../days/index.ts';
import { type ObjectStore, readDaySteps } from '../store/index.ts';
import type { Context } from './context.ts';

/** What a simulated day must be found to hold once it is sealed. */
interface Truth {
  readonly counts: DayCounts;
  readonly steps: DaySteps;
}

const FOLDER = 'truth';

/** Where `vamo simulate` leaves the truth of the days that it plays: a file `DAY.json` each. */
export const truthFolder = ({ root }: Pick<Context, 'root'>): string => join(root, FOLDER);

export async function writeTruth({ store }: Context, { counts, steps }: Truth): Promise<void> {
  const campaigns = steps.campaigns.map(({ columns, ...campaign }) => ({
    ...campaign,
    columns: Object.fromEntries(STEP_COLUMNS.map((c) => [c, Array.from(columns[c])])),
  }));
  await store.put(
    `${FOLDER}/${steps.day}.json`,
    Buffer.from(JSON.stringify({ counts, day: steps.day, campaigns })),
  );
}

/** As `writeTruth` writes it: of each campaign, 97 whole numbers a column. */
interface SavedTruth {
  readonly counts: DayCounts;
  readonly campaigns: readonly {
    readonly campaignId: string;
    readonly columns: Readonly<Record<StepColumn, readonly number[]>>;
  }[];
}

async function readTruth(folder: string, day: string): Promise<SavedTruth | undefined> {
  const path = join(folder, `${day}.json`);
  try {
    return JSON.parse(await readFile(path, 'utf8')) as SavedTruth;
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined;
    throw new VamoError('STORE_CORRUPT', `${path} is not readable`, { cause });
  }
}

type SumDifference = Omit<Difference, 'mend'>;

export interface TruthCheck {
  readonly manifest: PartitionManifest;
  /** Integers compared, of every campaign and step. */
  readonly compared: number;
  /** Sums that differ, by campaign, column and step. */
  readonly sums: readonly SumDifference[];
  /** Records of the day that were to be accepted, duplicate, late or bad, and were not. */
  readonly counts: readonly SumDifference[];
}

/**
 * A sealed day against the simulator's own sums, which no event was decoded for.
 * @returns undefined when the folder has no truth of the day
 * @throws VamoError STORE_CORRUPT
 */
export async function checkAgainstTruth(
  store: ObjectStore,
  manifest: PartitionManifest,
  folder: string,
): Promise<TruthCheck | undefined> {
  const truth = await readTruth(folder, manifest.day);
  if (truth === undefined) return undefined;
  const sealed = await readDaySteps(store, manifest);
  const found = new Map(sealed.campaigns.map((c) => [c.campaignId, c.columns]));
  // The truth of a day knows nothing of the days after it.
  const isTold = (column: StepColumn): boolean =>
    column !== 'reward_attributed' || manifest.attributionMs === 0;
  const sums: SumDifference[] = [];
  let compared = 0;
  for (const { campaignId, columns } of truth.campaigns)
    for (const column of STEP_COLUMNS.filter(isTold))
      for (const [step, recorded] of columns[column].entries()) {
        compared += 1;
        const ours = found.get(campaignId)?.[column][step];
        if (ours !== recorded)
          sums.push({
            what: `${column} of campaign ${campaignId} in step ${String(step)}`,
            found: ours ?? 'no such campaign',
            recorded,
          });
      }
  const known = new Set(truth.campaigns.map(({ campaignId }) => campaignId));
  for (const { campaignId } of sealed.campaigns)
    if (!known.has(campaignId))
      sums.push({ what: 'a campaign', found: campaignId, recorded: 'no such campaign' });
  const counts = Object.entries(truth.counts)
    .map(([name, recorded]) => ({
      what: `${name} of ${manifest.day}`,
      found: manifest.counts[name as keyof DayCounts],
      recorded,
    }))
    .filter(({ found: ours, recorded }) => ours !== recorded);
  return { manifest, compared, sums, counts };
}

/** One event shows in many sums: so many differences of a day are named. */
const NAMED = 10;

const AGAIN =
  'What the simulator sent is not what was sealed: look at `vamo days` for bad and late records, or simulate into a new directory.';

function mendOf({ day, generation, kind, inputs }: PartitionManifest): string {
  if (kind === 'seal' || inputs.restored === 1) return AGAIN;
  return (
    `${day} is generation ${String(generation)} (${kind}): the truth is of a day as it is sealed at first, ` +
    'so that counts and sums differ by what was taken in since.'
  );
}

/** The first differences of a check, the counts' before the sums', and how many sums differ beyond them. */
export function firstDifferences({ manifest, counts, sums }: TruthCheck) {
  const all = [...counts, ...sums];
  const mend = mendOf(manifest);
  const differences = all.slice(0, NAMED).map((one): Difference => ({ ...one, mend }));
  return { differences, moreSums: all.length - differences.length };
}
