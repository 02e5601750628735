import { STEPS } from '../core/index.ts';
import { type CampaignSteps, MICRO, NANO, type TaskSpec } from '../contracts/index.ts';

/** A closed day's campaigns, read one after another: a list, or a file that is never held whole. */
export interface CampaignsOfDay {
  readonly campaigns: Iterable<CampaignSteps>;
}

/** Width of the market series: four common channels and one per task. */
export function marketChannels(tasks: readonly TaskSpec[]): number {
  return 4 + tasks.length;
}

const ratio = (a: number, b: number): number => (b > 0 ? a / b : 0);

function addTo(total: Float64Array, column: Float64Array, weight = 1): void {
  for (let t = 0; t < STEPS; t++) total[t] = (total[t] ?? 0) + (column[t] ?? 0) * weight;
}

/**
 * The market of a closed day over all its campaigns, [96, 4 + K]: ln(1 + outcomes), ln(1 + mean
 * least winning cost), win rate, ln(1 + 1000 x mean reward seen), and each task's mean predicted
 * value, rewards and values in money. An empty step gives zeros.
 */
export function marketSeries(day: CampaignsOfDay, tasks: readonly TaskSpec[]): Float32Array {
  const sums = (): Float64Array => new Float64Array(STEPS);
  const all = { outcomes: sums(), lwc: sums(), wins: sums(), reward: sums() };
  const perTask = new Map(
    tasks.map(({ id, unitPrice }) => [id, { unitPrice, pv: sums(), outcomes: sums() }]),
  );
  for (const { task, columns } of day.campaigns) {
    const own = perTask.get(task);
    addTo(all.outcomes, columns.outcomes);
    addTo(all.lwc, columns.lwc);
    addTo(all.wins, columns.wins);
    if (own === undefined) continue;
    addTo(all.reward, columns.reward_seen, own.unitPrice);
    addTo(own.pv, columns.pv, own.unitPrice);
    addTo(own.outcomes, columns.outcomes);
  }
  const width = marketChannels(tasks);
  const series = new Float32Array(STEPS * width);
  for (let t = 0; t < STEPS; t++) {
    const n = all.outcomes[t] ?? 0;
    const common = [
      Math.log1p(n),
      Math.log1p(ratio((all.lwc[t] ?? 0) / MICRO, n)),
      ratio(all.wins[t] ?? 0, n),
      Math.log1p(ratio((all.reward[t] ?? 0) / MICRO, n) * 1000),
    ];
    const values = [...perTask.values()].map(({ pv, outcomes }) =>
      ratio((pv[t] ?? 0) / NANO, outcomes[t] ?? 0),
    );
    series.set([...common, ...values], t * width);
  }
  return series;
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
