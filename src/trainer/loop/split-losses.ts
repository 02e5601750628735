import type { BatchLosses, Evaluator } from '../step/evaluator.ts';
import { byTask, type DayTrajectory, type SplitData, toFeeds } from './dataset.ts';

/** Unmasked steps of some rows: the weight of their mean loss. */
function weightOf(rows: readonly (DayTrajectory | null)[]): number {
  return rows.reduce((n, row) => n + (row?.mask.reduce((a, b) => a + b, 0) ?? 0), 0);
}

/** All of a short list; of a long one `most`, evenly spaced: the same at every call. */
function sampleOf<T>(list: readonly T[], most: number): readonly T[] {
  if (list.length <= most) return list;
  return Array.from({ length: most }, (_, i) => list[Math.floor((i * list.length) / most)]).filter(
    (item) => item !== undefined,
  );
}

/**
 * Losses over the trajectories of a split (of more than `most` of a task, over `most` evenly spaced),
 * in batches of the given counts, the last ones padded.
 */
export async function splitLosses(
  split: SplitData,
  { counts, most }: { readonly counts: readonly number[]; readonly most: number },
  losses: Evaluator,
): Promise<BatchLosses> {
  const lists = byTask(split, counts.length).map((list) => sampleOf(list, most));
  const batches = Math.max(...lists.map((list, k) => Math.ceil(list.length / (counts[k] ?? 1))));
  const totals = counts.map(() => ({ loss: 0, weight: 0 }));
  let inverse = 0;
  let weight = 0;
  for (let b = 0; b < batches; b++) {
    const perTask = counts.map((count, k) =>
      Array.from({ length: count }, (_, i) => lists[k]?.[b * count + i]?.read() ?? null),
    );
    const found = await losses(toFeeds(perTask.flat(), split));
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
