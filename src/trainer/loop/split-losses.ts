import type { Trajectory } from '../../features/index.ts';
import type { BatchLosses } from '../step/learner.ts';
import type { Feeds } from '../step/session.ts';
import { toFeeds } from './dataset.ts';

/** Unmasked steps of some rows: the weight of their mean loss. */
function weightOf(rows: readonly (Trajectory | null)[]): number {
  return rows.reduce((n, row) => n + (row?.mask.reduce((a, b) => a + b, 0) ?? 0), 0);
}

/**
 * Losses over all trajectories of a split, in batches of the given counts, the last ones padded.
 * @param lists trajectories by task
 */
export async function splitLosses(
  lists: readonly (readonly Trajectory[])[],
  counts: readonly number[],
  losses: (batch: Feeds) => Promise<BatchLosses>,
): Promise<BatchLosses> {
  const batches = Math.max(...lists.map((list, k) => Math.ceil(list.length / (counts[k] ?? 1))));
  const totals = counts.map(() => ({ loss: 0, weight: 0 }));
  let inverse = 0;
  let weight = 0;
  for (let b = 0; b < batches; b++) {
    const perTask = counts.map((count, k) =>
      Array.from({ length: count }, (_, i) => lists[k]?.[b * count + i] ?? null),
    );
    const found = await losses(toFeeds(perTask.flat()));
    perTask.forEach((rows, k) => {
      const own = weightOf(rows);
      const total = totals[k];
      if (!total || own === 0) return;
      total.loss += own * (found.losses[k] ?? 0);
      total.weight += own;
    });
    const all = weightOf(perTask.flat());
    inverse += all * found.inverse;
    weight += all;
  }
  return {
    losses: totals.map(({ loss, weight: w }) => loss / w),
    inverse: weight > 0 ? inverse / weight : 0,
  };
}
