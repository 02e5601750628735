import { entry } from './matrix.ts';

export interface Eigen {
  /** Descending. */
  readonly values: Float64Array;
  /** Column k (entries i * n + k) is the unit eigenvector of value k. */
  readonly vectors: Float64Array;
}

/** Turns rows and columns p and q so that entry (p, q) becomes 0. */
function rotate(a: Float64Array, v: Float64Array, n: number, p: number, q: number): void {
  const apq = entry(a, p * n + q);
  const theta = (entry(a, q * n + q) - entry(a, p * n + p)) / (2 * apq);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.hypot(theta, 1));
  const c = 1 / Math.hypot(t, 1);
  const s = t * c;
  const mix = (m: Float64Array, i: number, j: number): void => {
    const [x, y] = [entry(m, i), entry(m, j)];
    m[i] = c * x - s * y;
    m[j] = s * x + c * y;
  };
  for (let k = 0; k < n; k++) mix(v, k * n + p, k * n + q);
  const [app, aqq] = [entry(a, p * n + p), entry(a, q * n + q)];
  for (let k = 0; k < n; k++) {
    if (k === p || k === q) continue;
    mix(a, k * n + p, k * n + q);
    a[p * n + k] = entry(a, k * n + p);
    a[q * n + k] = entry(a, k * n + q);
  }
  a[p * n + p] = app - t * apq;
  a[q * n + q] = aqq + t * apq;
  a[p * n + q] = 0;
  a[q * n + p] = 0;
}

/**
 * Eigenvalues and eigenvectors of a small symmetric matrix (n x n, row-major) by cyclic Jacobi
 * rotations. An off-diagonal entry is done when it is negligible against sqrt(a_pp a_qq), not against
 * the norm: small eigenvalues of matrices with rows of very different size keep their accuracy
 * (Demmel and Veselic 1992).
 */
export function symmetricEigen(matrix: Float64Array, n: number): Eigen {
  const a = Float64Array.from(matrix);
  const v = Float64Array.from(matrix, (_, at) => (at % (n + 1) === 0 ? 1 : 0));
  const negligible = (p: number, q: number): boolean => {
    const size = Math.sqrt(Math.abs(entry(a, p * n + p) * entry(a, q * n + q)));
    return !(Math.abs(entry(a, p * n + q)) > (Number.EPSILON / 4) * size);
  };
  for (let sweep = 0; sweep < 60; sweep++) {
    let turned = false;
    for (let p = 0; p < n; p++)
      for (let q = p + 1; q < n; q++) {
        if (negligible(p, q)) continue;
        rotate(a, v, n, p, q);
        turned = true;
      }
    if (!turned) break;
  }
  const order = Array.from({ length: n }, (_, k) => k).sort(
    (i, j) => entry(a, j * n + j) - entry(a, i * n + i),
  );
  return {
    values: Float64Array.from(order, (k) => entry(a, k * n + k)),
    vectors: Float64Array.from(matrix, (_, at) =>
      entry(v, Math.floor(at / n) * n + entry(order, at % n)),
    ),
  };
}
