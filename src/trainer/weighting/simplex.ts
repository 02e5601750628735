/** Which of K tasks have samples in this batch; all of them when nothing is said. */
export function presentTasks(tasks: number, present?: readonly boolean[]): readonly boolean[] {
  return present ?? Array.from({ length: tasks }, () => true);
}

/** Equal weights over the present tasks, totalling `total`; absent tasks get 0. */
export function uniformWeights(present: readonly boolean[], total = 1): Float64Array {
  const count = present.filter(Boolean).length;
  return Float64Array.from(present, (there) => (there ? total / count : 0));
}

/**
 * softmax(score / lambda) over the present tasks (paper eq. 9), the maximiser of
 * sum w_k score_k + lambda H(w) on the simplex (eq. 8). The maximum is subtracted first: score/lambda
 * may pass 1e6. lambda 0 = hard maximum, ties shared; lambda Infinity = equal weights.
 * `nullTask` adds an entry of score 0 that carries no gradient: the weights then total less than 1.
 */
export function softmaxWeights(
  score: Float64Array,
  lambda: number,
  present: readonly boolean[],
  nullTask = false,
): Float64Array {
  let top = nullTask ? 0 : -Infinity;
  for (let k = 0; k < score.length; k++)
    if (present[k]) top = Math.max(top, score[k] ?? Number.NaN);
  const mass = (x: number): number => {
    if (lambda === Infinity || x === top) return 1;
    return lambda === 0 ? 0 : Math.exp((x - top) / lambda);
  };
  const weights = score.map((x, k) => (present[k] ? mass(x) : 0));
  const total = weights.reduce((a, b) => a + b, nullTask ? mass(0) : 0);
  return total === 0 ? weights : weights.map((w) => w / total);
}

/** -sum w log w in nats, 0 log 0 = 0. */
export function entropy(weights: Float64Array): number {
  return weights.reduce((total, w) => (w > 0 ? total - w * Math.log(w) : total), 0);
}
