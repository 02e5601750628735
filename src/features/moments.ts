/** Mean and population standard deviation of each column of matrices that come one at a time. */
export interface ColumnMoments {
  /** Row-major, `width` columns. */
  add(matrix: ArrayLike<number>): void;
  mean(): number[];
  sd(): number[];
}

/**
 * Each matrix in two passes, then joined to what came before (Chan, Golub and LeVeque 1983): as
 * exact as two passes over everything, which need not be held.
 */
export function columnMoments(width: number): ColumnMoments {
  let rows = 0;
  const means = new Float64Array(width);
  const squares = new Float64Array(width);
  return {
    add(matrix) {
      const count = matrix.length / width;
      if (count === 0) return;
      const total = rows + count;
      for (let j = 0; j < width; j++) {
        let mean = 0;
        for (let i = j; i < matrix.length; i += width) mean += (matrix[i] ?? 0) / count;
        let own = 0;
        for (let i = j; i < matrix.length; i += width) own += ((matrix[i] ?? 0) - mean) ** 2;
        const gap = mean - (means[j] ?? 0);
        squares[j] = (squares[j] ?? 0) + own + (gap * gap * rows * count) / total;
        means[j] = (means[j] ?? 0) + (gap * count) / total;
      }
      rows = total;
    },
    mean: () => [...means],
    sd: () => Array.from(squares, (s) => Math.sqrt(s / rows)),
  };
}

/** Numbers kept for quantiles; beyond this many every second one goes, again and again. */
const KEPT = 1 << 20;

/** A sample of a long stream in bounded memory: all of it while short, then every 2^n-th value. */
export interface Sample {
  add(value: number): void;
  values(): Float64Array;
}

export function boundedSample(limit = KEPT): Sample {
  let kept: number[] = [];
  let stride = 1;
  let seen = 0;
  return {
    add(value) {
      if (seen++ % stride !== 0) return;
      kept.push(value);
      if (kept.length < limit) return;
      kept = kept.filter((_, i) => i % 2 === 0);
      stride *= 2;
    },
    values: () => Float64Array.from(kept),
  };
}
