import { dayKey, VamoError } from '../../core/index.ts';
import type { DayLog, DaySteps, Normaliser, PinnedDay } from '../../contracts/index.ts';
import { dayEfficiencies, hindsightAlphas, type ReplayRules } from '../../eval/index.ts';
import { fitNormaliser, toTrajectory, withHindsight } from '../../features/index.ts';
import { type ObjectStore, readDayLog, readDaySteps, readManifest } from '../../store/index.ts';
import type { HostTensor } from '../../engine/index.ts';
import type { Dataset, DayTrajectory } from '../loop/dataset.ts';
import { type Split, SPLITS } from '../run-record.ts';
import type { TrainJob } from './job.ts';
import { marketWindows } from './market.ts';

/** A sealed day as training sees it. `efficiencies` = R/R* by campaign, from that day alone. */
export interface TrainingDay {
  readonly day: string;
  readonly steps: DaySteps;
  readonly log: DayLog;
  readonly efficiencies: ReadonlyMap<string, number>;
}

/** A sealed day as far as the days after it see it. */
export type HistoryDay = Pick<TrainingDay, 'day' | 'steps'>;

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
 * @throws VamoError STORE_CORRUPT when the day on disk is not the pinned one or is damaged;
 *   DAY_UNSEALED
 */
async function readDay(
  store: ObjectStore,
  pinned: PinnedDay,
  rules: ReplayRules,
): Promise<TrainingDay> {
  const manifest = await pinnedManifest(store, pinned);
  const steps = await readDaySteps(store, manifest);
  const log = await readDayLog(store, manifest);
  const found = dayEfficiencies(log, steps, rules);
  const efficiencies = new Map(found.map((e) => [e.campaignId, e.efficiency]));
  return { day: pinned.day, steps, log, efficiencies };
}

/** The days of the window by split, oldest first. */
export async function readDays(
  store: ObjectStore,
  job: Pick<TrainJob, 'days'>,
  rules: ReplayRules,
): Promise<Record<Split, TrainingDay[]>> {
  const days: Record<Split, TrainingDay[]> = { train: [], validation: [], test: [] };
  for (const split of SPLITS)
    for (const pinned of job.days[split]) days[split].push(await readDay(store, pinned, rules));
  return days;
}

/** The days before the window, oldest first: their steps alone. */
export async function readHistory(
  store: ObjectStore,
  job: Pick<TrainJob, 'days'>,
): Promise<HistoryDay[]> {
  const days: HistoryDay[] = [];
  for (const pinned of job.days.history) {
    const steps = await readDaySteps(store, await pinnedManifest(store, pinned));
    days.push({ day: pinned.day, steps });
  }
  return days;
}

/** Statistics of the training days, and of no other. */
export function normaliserOf(
  days: readonly TrainingDay[],
  { tasks, minRemaining }: ReplayRules,
): Normaliser {
  const efficiencies = Object.fromEntries(
    tasks.map(({ id }) => [
      id,
      days.flatMap(({ steps, efficiencies: known }) =>
        steps.campaigns.flatMap((c) => (c.task === id ? (known.get(c.campaignId) ?? []) : [])),
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
  const trajectoriesOf = (from: TrainingDay, day: number): DayTrajectory[] => {
    const logs = new Map(from.log.campaigns.map((c) => [c.campaignId, c]));
    return from.steps.campaigns.flatMap((campaign) => {
      const efficiency = from.efficiencies.get(campaign.campaignId);
      const log = logs.get(campaign.campaignId);
      if (efficiency === undefined || log === undefined) return [];
      const logged = toTrajectory(campaign, efficiency, scale);
      if (logged === null) return [];
      const own = { ...logged, day };
      if (actions === 'logged') return [own];
      const { unitPrice = 1 } = normaliser.tasks[logged.task] ?? {};
      const { startMs } = from.log;
      const best = hindsightAlphas(log, campaign, { startMs, unitPrice, rules });
      if (best === null) return [own];
      return [own, { ...withHindsight(logged, campaign, best, scale), day }];
    });
  };
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
