import { dayKey, VamoError } from '../../core/index.ts';
import type { CampaignSteps, DaySteps, Normaliser, PinnedDay } from '../../contracts/index.ts';
import type { ReplayRules } from '../../eval/index.ts';
import {
  fitNormaliser,
  marketSums,
  toTrajectory,
  type Trajectory,
  withHindsight,
} from '../../features/index.ts';
import {
  type ObjectStore,
  openStepsFile,
  readDayLog,
  readDaySteps,
  readManifest,
} from '../../store/index.ts';
import type { HostTensor } from '../../engine/index.ts';
import type { Dataset, DayTrajectory, TrajectoryRef } from '../loop/dataset.ts';
import { type Split, SPLITS } from '../run-record.ts';
import type { TrainJob } from './job.ts';
import { marketWindows } from './market.ts';
import {
  type HistoryDay,
  type LabelOptions,
  streamed,
  type TrainingDay,
  trainingDay,
} from './training-day.ts';

async function pinnedManifest(store: ObjectStore, pinned: PinnedDay) {
  const manifest = await readManifest(store, dayKey(pinned.day), pinned.generation);
  if (manifest.digest !== pinned.digest || manifest.stepsDigest !== pinned.stepsDigest)
    throw new VamoError(
      'STORE_CORRUPT',
      `day ${pinned.day}: digest ${manifest.digest}, expected ${pinned.digest}`,
      { details: { day: pinned.day, generation: pinned.generation } },
    );
  return manifest;
}

/**
 * Reads a day once to verify and index it; its step sums are then read campaign by campaign, its log
 * anew when it is replayed.
 * @throws VamoError STORE_CORRUPT when the day on disk is not the pinned one or is damaged;
 *   DAY_UNSEALED
 */
async function readDay(
  store: ObjectStore,
  pinned: PinnedDay,
  options: LabelOptions,
): Promise<TrainingDay> {
  const manifest = await pinnedManifest(store, pinned);
  const replay = async () => ({
    steps: await readDaySteps(store, manifest),
    log: await readDayLog(store, manifest),
  });
  const file = await openStepsFile(store, manifest);
  const read = (campaign: number): CampaignSteps => file.read(campaign);
  const hasEvents = manifest.files.some(({ role }) => role === 'events');
  const stream = { day: file.day, ...streamed(file.campaigns.length, read) };
  const known = hasEvents ? await replay() : { steps: stream, log: null };
  return trainingDay(known, options, { read, replay, close: () => file.close() });
}

/** The days of the window by split, oldest first. */
export async function readDays(
  store: ObjectStore,
  job: Pick<TrainJob, 'days'>,
  options: LabelOptions,
): Promise<Record<Split, TrainingDay[]>> {
  const days: Record<Split, TrainingDay[]> = { train: [], validation: [], test: [] };
  for (const split of SPLITS)
    for (const pinned of job.days[split]) days[split].push(await readDay(store, pinned, options));
  return days;
}

/** The days before the window, oldest first: their steps alone. */
export async function readHistory(
  store: ObjectStore,
  job: Pick<TrainJob, 'days'>,
): Promise<HistoryDay[]> {
  const days: HistoryDay[] = [];
  for (const pinned of job.days.history)
    days.push(asHistory(await readDaySteps(store, await pinnedManifest(store, pinned))));
  return days;
}

const asHistory = (steps: DaySteps): HistoryDay => ({
  day: steps.day,
  market: marketSums(steps),
});

/** Statistics of the training days, and of no other. */
export function normaliserOf(
  days: readonly TrainingDay[],
  { tasks, minRemaining }: ReplayRules,
): Normaliser {
  const efficiencies = Object.fromEntries(
    tasks.map(({ id }) => [
      id,
      days.flatMap(({ campaigns }) =>
        campaigns.flatMap(({ task, efficiency }) => (task === id ? (efficiency ?? []) : [])),
      ),
    ]),
  );
  return fitNormaliser({ days: days.map(({ steps }) => steps), tasks, efficiencies, minRemaining });
}

/**
 * The market right before a day of the window, or before the day after it, [1, H, channels]; null
 * without history.
 */
export function marketBefore(
  day: string,
  days: Readonly<Record<Split, readonly TrainingDay[]>>,
  normaliser: Normaliser,
  history: readonly HistoryDay[] | null,
): HostTensor | null {
  if (history === null) return null;
  return marketWindows([day], timelineOf(days, history), history.length, normaliser);
}

const timelineOf = (
  days: Readonly<Record<Split, readonly TrainingDay[]>>,
  history: readonly HistoryDay[],
): HistoryDay[] => [...history, ...SPLITS.flatMap((split) => days[split])];

/**
 * Trajectories of all splits in the normaliser's units. With `hindsight` each stands twice: with the
 * bids that were made, at the return they earned, and with the bids that would have been best from
 * the same states (`withHindsight`), found from that day alone.
 * @param options.history the days before the window: the market of these and of the window's own
 *   days is what a temporal module sees; null without one
 */
export function datasetOf(
  days: Readonly<Record<Split, readonly TrainingDay[]>>,
  normaliser: Normaliser,
  rules: ReplayRules,
  options: {
    readonly history: readonly HistoryDay[] | null;
    readonly actions: 'logged' | 'hindsight';
  },
): Dataset {
  const { history, actions } = options;
  const scale = { normaliser, minRemaining: rules.minRemaining };
  const keep = boundedCache();
  const trajectoriesOf = (from: TrainingDay, day: number): TrajectoryRef[] =>
    from.campaigns.flatMap((campaign) => {
      const { campaignId, efficiency, hindsight } = campaign;
      const task = normaliser.tasks.findIndex(({ id }) => id === campaign.task);
      if (efficiency === undefined || task < 0 || !campaign.acted) return [];
      const logged = (steps: CampaignSteps): Trajectory => {
        const made = toTrajectory(steps, efficiency, scale);
        if (made === null) throw new RangeError(`${campaignId} did not act on ${from.day}`);
        return made;
      };
      const own = { campaignId, task };
      const bids = keep(() => ({ ...logged(campaign.read()), day }));
      if (actions === 'logged' || hindsight === null) return [{ ...own, read: bids }];
      const best = keep(() => {
        const steps = campaign.read();
        return { ...withHindsight(logged(steps), steps, hindsight, scale), day };
      });
      return [
        { ...own, read: bids },
        { ...own, read: best },
      ];
    });
  const timeline = history && timelineOf(days, history);
  const splitOf = (split: Split) => {
    const names = days[split].map(({ day }) => day);
    return {
      days: names,
      trajectories: days[split].flatMap(trajectoriesOf),
      market: timeline && marketWindows(names, timeline, history.length, normaliser),
    };
  };
  return {
    tasks: normaliser.tasks.map(({ id }) => id),
    splits: { train: splitOf('train'), validation: splitOf('validation'), test: splitOf('test') },
  };
}

/** Trajectories kept once made, up to so many bytes of their arrays; the rest are made anew. */
const KEPT_BYTES = 256 * 1024 * 1024;

function boundedCache(limit = KEPT_BYTES): (make: () => DayTrajectory) => () => DayTrajectory {
  let used = 0;
  return (make) => {
    let kept: DayTrajectory | undefined;
    return () => {
      if (kept) return kept;
      const made = make();
      const size = made.states.byteLength + made.actions.byteLength + made.mask.byteLength;
      if (used + size > limit) return made;
      used += size;
      return (kept = made);
    };
  };
}
