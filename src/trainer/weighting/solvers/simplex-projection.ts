/**
 * The nearest point of the simplex {w >= 0, sum w = 1} in the Euclidean norm, exact by sorting:
 * w_k = max(0, x_k - t), with t such that the entries total 1. Far-apart or huge entries keep their
 * accuracy because everything is taken relative to the largest one.
 * Held, Wolfe, Crowder 1974; Duchi et al. 2008, fig. 1.
 */
export function projectToSimplex(x: Float64Array): Float64Array {
  const top = x.reduce((a, b) => Math.max(a, b), -Infinity);
  const shifted = x.map((value) => value - top);
  const sorted = shifted.toSorted((a, b) => b - a);
  let total = 0;
  let threshold = 0;
  for (const [i, value] of sorted.entries()) {
    total += value;
    const candidate = (total - 1) / (i + 1);
    if (value <= candidate) break;
    threshold = candidate;
  }
  return shifted.map((value) => Math.max(0, value - threshold));
}
