import { STEPS } from '../core/index.ts';
import {
  type CampaignSteps,
  type MarketSums,
  MICRO,
  NANO,
  type Normaliser,
  type TaskSpec,
} from '../contracts/index.ts';

/** A closed day's campaigns, read one after another: a list, or a file that is never held whole. */
export interface CampaignsOfDay {
  readonly campaigns: Iterable<CampaignSteps>;
}

/** A task as the market series knows it: rewards and values are turned into money by its price. */
export type PricedTask = Pick<TaskSpec, 'id' | 'unitPrice'>;

/** Width of the market series: four common channels and one per task. */
export function marketChannels(tasks: readonly PricedTask[]): number {
  return 4 + tasks.length;
}

const ratio = (a: number, b: number): number => (b > 0 ? a / b : 0);

function addTo(total: Float64Array, column: Float64Array): void {
  for (let t = 0; t < STEPS; t++) total[t] = (total[t] ?? 0) + (column[t] ?? 0);
}

/** Sums over all campaigns of a closed day; integers, so that no order of adding changes them. */
export function marketSums(day: CampaignsOfDay): MarketSums {
  const sums = (): Float64Array => new Float64Array(STEPS);
  const all = { outcomes: sums(), lwc: sums(), wins: sums() };
  const perTask = new Map<string, Record<'outcomes' | 'pv' | 'reward', Float64Array>>();
  for (const { task, columns } of day.campaigns) {
    const own = perTask.get(task) ?? { outcomes: sums(), pv: sums(), reward: sums() };
    perTask.set(task, own);
    addTo(all.outcomes, columns.outcomes);
    addTo(all.lwc, columns.lwc);
    addTo(all.wins, columns.wins);
    addTo(own.reward, columns.reward_seen);
    addTo(own.pv, columns.pv);
    addTo(own.outcomes, columns.outcomes);
  }
  return {
    outcomes: [...all.outcomes],
    lwc: [...all.lwc],
    wins: [...all.wins],
    tasks: Object.fromEntries(
      [...perTask]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([id, { outcomes, pv, reward }]) => [
          id,
          { outcomes: [...outcomes], pv: [...pv], reward_seen: [...reward] },
        ]),
    ),
  };
}

/**
 * The market of a closed day over all its campaigns, [96, 4 + K]: ln(1 + outcomes), ln(1 + mean
 * least winning cost), win rate, ln(1 + 1000 x mean reward seen), and each task's mean predicted
 * value, rewards and values in money. An empty step gives zeros.
 */
export function marketSeries(day: CampaignsOfDay, tasks: readonly PricedTask[]): Float32Array {
  return seriesOfSums(marketSums(day), tasks);
}

/** `marketSeries` from a day's sums. */
function seriesOfSums(sums: MarketSums, tasks: readonly PricedTask[]): Float32Array {
  const width = marketChannels(tasks);
  const series = new Float32Array(STEPS * width);
  for (let t = 0; t < STEPS; t++) {
    const n = sums.outcomes[t] ?? 0;
    const reward = tasks.reduce(
      (sum, { id, unitPrice }) => sum + (sums.tasks[id]?.reward_seen[t] ?? 0) * unitPrice,
      0,
    );
    const common = [
      Math.log1p(n),
      Math.log1p(ratio((sums.lwc[t] ?? 0) / MICRO, n)),
      ratio(sums.wins[t] ?? 0, n),
      Math.log1p(ratio(reward / MICRO, n) * 1000),
    ];
    const values = tasks.map(({ id, unitPrice }) => {
      const own = sums.tasks[id];
      return ratio(((own?.pv[t] ?? 0) * unitPrice) / NANO, own?.outcomes[t] ?? 0);
    });
    series.set([...common, ...values], t * width);
  }
  return series;
}

/** What the temporal module standardises with. */
type MarketScale = Pick<Normaliser, 'marketMean' | 'marketSd'>;
/** Furthest a standardised channel may be from its mean. */
const LIMIT = 5;

/**
 * The market before an episode as the temporal module reads it: the series of the days before it,
 * standardised by the training days' statistics and clipped, [96 days, 4 + K].
 * @param days the days before the episode's own, oldest first; never the episode's own day
 */
export function marketWindow(
  days: readonly CampaignsOfDay[],
  tasks: readonly PricedTask[],
  normaliser: MarketScale,
): Float32Array {
  return windowOfSums(days.map(marketSums), tasks, normaliser);
}

/** `marketWindow` from the days' sums, as they are kept in the store. */
export function windowOfSums(
  days: readonly MarketSums[],
  tasks: readonly PricedTask[],
  { marketMean, marketSd }: MarketScale,
): Float32Array {
  const width = marketChannels(tasks);
  const window = new Float32Array(days.length * STEPS * width);
  days.forEach((day, d) => {
    seriesOfSums(day, tasks).forEach((x, i) => {
      const channel = i % width;
      const distance = x - (marketMean[channel] ?? 0);
      const standardised = distance / ((marketSd[channel] ?? 0) + 1e-6);
      window[d * STEPS * width + i] = Math.min(LIMIT, Math.max(-LIMIT, standardised));
    });
  });
  return window;
}

/** Share of a day's outcomes before each step, length 97; null for a day without any. */
function dayTrafficShare(day: CampaignsOfDay): Float64Array | null {
  const perStep = new Float64Array(STEPS);
  for (const { columns } of day.campaigns) addTo(perStep, columns.outcomes);
  const all = perStep.reduce((a, b) => a + b, 0);
  if (all === 0) return null;
  const share = new Float64Array(STEPS + 1);
  let before = 0;
  perStep.forEach((n, t) => {
    before += n;
    share[t + 1] = before / all;
  });
  return share;
}

/**
 * H, length 97: the mean over days of the share of a day's outcomes before each step; 0 first, 1
 * last. Days without an outcome do not count; without any such day, H is uniform.
 */
export function trafficShare(days: readonly CampaignsOfDay[]): Float64Array {
  const shares = days.flatMap((day) => dayTrafficShare(day) ?? []);
  return Float64Array.from({ length: STEPS + 1 }, (_, t) =>
    shares.length === 0
      ? t / STEPS
      : shares.reduce((sum, share) => sum + (share[t] ?? 0), 0) / shares.length,
  );
}
