import { bootstrapMean, type Interval, mean, quantile, seededRandom } from '../core/index.ts';
import type { CampaignResult } from '../contracts/index.ts';

/**
 * Mean relative drop against a baseline, percent; lower is better (paper, section 5):
 * (100/K) sum_k -(M_k - B_k)/B_k.
 */
export function deltaM(baseline: readonly number[], metrics: readonly number[]): number {
  return 100 * mean(baseline.map((b, k) => -((metrics[k] ?? Number.NaN) - b) / b));
}

/** Mean over the campaigns of each task of their returns. */
export function returnsByTask(results: readonly CampaignResult[]): Record<string, number> {
  return mapTasks(results, (own) => mean(own.map((r) => r.return)));
}

/** Mean paired difference a - b with its bootstrap interval; pairs are drawn together. */
export function pairedInterval(a: readonly number[], b: readonly number[], seed = 1): Interval {
  return bootstrapMean(
    a.map((x, i) => x - (b[i] ?? Number.NaN)),
    { seed },
  );
}

const ROUNDS = 2000;

/**
 * Per task, the return of one policy over another's: sum over campaigns by sum over campaigns, with
 * a 95 % bootstrap interval over campaigns, paired by campaignId. 1 where the reference earned nothing.
 */
export function taskRatios(
  results: readonly CampaignResult[],
  reference: readonly CampaignResult[],
  seed = 1,
): Record<string, Interval> {
  const byId = new Map(reference.map((r) => [r.campaignId, r.return]));
  return mapTasks(
    results.filter((r) => byId.has(r.campaignId)),
    (own) => {
      const pairs = own.map((r) => [r.return, byId.get(r.campaignId) ?? 0] as const);
      const random = seededRandom(seed, 0x7a710);
      const draws = Array.from({ length: ROUNDS }, () =>
        ratioOf(pairs, () => random.below(pairs.length)),
      );
      return {
        mean: ratioOf(pairs, (i) => i),
        low: quantile(draws, 0.025),
        high: quantile(draws, 0.975),
      };
    },
  );
}

function ratioOf(
  pairs: readonly (readonly [number, number])[],
  pick: (i: number) => number,
): number {
  let [above, below] = [0, 0];
  for (let i = 0; i < pairs.length; i++) {
    const [a, b] = pairs[pick(i)] ?? [0, 0];
    above += a;
    below += b;
  }
  return below > 0 ? above / below : 1;
}

function mapTasks<T>(
  results: readonly CampaignResult[],
  figure: (own: readonly CampaignResult[]) => T,
): Record<string, T> {
  const tasks = [...new Set(results.map((r) => r.task))];
  return Object.fromEntries(
    tasks.map((task) => [task, figure(results.filter((r) => r.task === task))]),
  );
}
