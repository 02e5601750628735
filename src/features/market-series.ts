import { STEPS } from '../core/index.ts';
import {
  type CampaignSteps,
  type DaySteps,
  MICRO,
  NANO,
  type TaskSpec,
} from '../contracts/index.ts';

/** Width of the market series: four common channels and one per task. */
export function marketChannels(tasks: readonly TaskSpec[]): number {
  return 4 + tasks.length;
}

/** Sum over campaigns of one column at one step, each campaign scaled by `weight`. */
function total(
  campaigns: readonly CampaignSteps[],
  column: keyof CampaignSteps['columns'],
  step: number,
  weight: (task: string) => number = () => 1,
): number {
  let sum = 0;
  for (const c of campaigns) sum += (c.columns[column][step] ?? 0) * weight(c.task);
  return sum;
}

const ratio = (a: number, b: number): number => (b > 0 ? a / b : 0);

/**
 * The market of a closed day over all its campaigns, [96, 4 + K]: ln(1 + outcomes), ln(1 + mean
 * least winning cost), win rate, ln(1 + 1000 x mean reward seen), and each task's mean predicted
 * value, rewards and values in money. An empty step gives zeros.
 */
export function marketSeries(day: DaySteps, tasks: readonly TaskSpec[]): Float32Array {
  const width = marketChannels(tasks);
  const series = new Float32Array(STEPS * width);
  const prices = new Map(tasks.map((task) => [task.id, task.unitPrice]));
  const price = (task: string): number => prices.get(task) ?? 0;
  const byTask = tasks.map((task) => day.campaigns.filter((c) => c.task === task.id));
  for (let t = 0; t < STEPS; t++) {
    const n = total(day.campaigns, 'outcomes', t);
    const lwc = ratio(total(day.campaigns, 'lwc', t) / MICRO, n);
    const reward = ratio(total(day.campaigns, 'reward_seen', t, price) / MICRO, n);
    const common = [
      Math.log1p(n),
      Math.log1p(lwc),
      ratio(total(day.campaigns, 'wins', t), n),
      Math.log1p(reward * 1000),
    ];
    const values = byTask.map((campaigns) =>
      ratio(total(campaigns, 'pv', t, price) / NANO, total(campaigns, 'outcomes', t)),
    );
    series.set([...common, ...values], t * width);
  }
  return series;
}

/**
 * H, length 97: the mean over days of the share of a day's outcomes before each step; 0 first, 1
 * last. Days without an outcome do not count; without any such day, H is uniform.
 */
export function trafficShare(days: readonly DaySteps[]): Float64Array {
  const cumulative = new Float64Array(STEPS + 1);
  let counted = 0;
  for (const day of days) {
    const perStep = Array.from({ length: STEPS }, (_, t) => total(day.campaigns, 'outcomes', t));
    const all = perStep.reduce((a, b) => a + b, 0);
    if (all === 0) continue;
    counted++;
    let before = 0;
    perStep.forEach((n, t) => {
      before += n;
      cumulative[t + 1] = (cumulative[t + 1] ?? 0) + before / all;
    });
  }
  return cumulative.map((h, t) => (counted > 0 ? h / counted : t / STEPS));
}
