/**
 * Splits a batch over tasks in the given proportions: largest remainder, ties to the lower index, at
 * least one row for every task with data. Shapes of a graph are static, so every batch is split alike.
 * @param sizes trajectories per task; a task with 0 gets 0 rows
 * @param batch rows in all, at least the number of tasks with data
 */
export function batchCounts(sizes: readonly number[], batch: number): number[] {
  const total = sizes.reduce((a, b) => a + b, 0);
  const shares = sizes.map((size) => (total > 0 ? (size * batch) / total : 0));
  const counts = shares.map((share) => (share > 0 ? Math.max(1, Math.floor(share)) : 0));
  const byRemainder = shares
    .map((share, task) => ({ task, remainder: share - Math.floor(share) }))
    .sort((a, b) => b.remainder - a.remainder || a.task - b.task);
  let left = batch - counts.reduce((a, b) => a + b, 0);
  for (const { task } of byRemainder) {
    if (left <= 0) break;
    // A share below 1 was already rounded up.
    if ((shares[task] ?? 0) < 1) continue;
    counts[task] = (counts[task] ?? 0) + 1;
    left--;
  }
  // Rounding small tasks up may have taken too many rows: the largest gives them back.
  for (; left < 0; left++) {
    const largest = counts.indexOf(Math.max(...counts));
    counts[largest] = (counts[largest] ?? 0) - 1;
  }
  return counts;
}
