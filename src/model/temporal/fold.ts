import * as tf from '@tensorflow/tfjs-core';

/** Neighbours at offsets -h .. h, and at h .. -h: [N, L, K] int32, places in the own series. */
interface Neighbours {
  readonly ahead: tf.Tensor;
  readonly back: tf.Tensor;
}

/**
 * N series of L steps, each folded by a period of its own into cycles (rows) and phases (columns),
 * as a square kernel of side K sees them: every step's K neighbours along the phase and its K
 * neighbours along the cycle. A place of N L or more is outside the fold and reads as zero.
 */
export interface Fold {
  readonly series: number;
  readonly length: number;
  readonly side: number;
  readonly phase: Neighbours;
  readonly cycle: Neighbours;
}

/** The step `offset` further on in the same cycle, or in the same phase; undefined outside. */
type Neighbour = (at: number, offset: number, period: number) => number | undefined;

const inPhase: Neighbour = (at, offset, period) => {
  const column = (at % period) + offset;
  return column >= 0 && column < period ? at + offset : undefined;
};

const inCycle =
  (length: number): Neighbour =>
  (at, offset, period) => {
    const place = at + offset * period;
    return place >= 0 && place < length ? place : undefined;
  };

/**
 * The fold of series n by period `candidates[index[n]]`. Every table is a constant but the choice
 * among them, so that the shapes are static whatever is chosen.
 * @param index [N] int32
 * @param candidates periods that divide `length`
 */
export function foldBy(
  index: tf.Tensor,
  candidates: readonly number[],
  { length, side }: Pick<Fold, 'length' | 'side'>,
): Fold {
  const series = index.size;
  const table = (neighbour: Neighbour, sign: number): tf.Tensor => {
    const places = candidates.flatMap((period) =>
      Array.from({ length: length * side }, (_, i) => {
        const offset = sign * ((i % side) - (side - 1) / 2);
        return neighbour(Math.floor(i / side), offset, period) ?? series * length;
      }),
    );
    const all = tf.tensor(Int32Array.from(places), [candidates.length, length, side], 'int32');
    return tf.gather(all, index);
  };
  const neighbours = (neighbour: Neighbour): Neighbours => ({
    ahead: table(neighbour, 1),
    back: table(neighbour, -1),
  });
  return { series, length, side, phase: neighbours(inPhase), cycle: neighbours(inCycle(length)) };
}

/** Places in all series taken together; the row after them is zero. Flat int32. */
function rowsAt(places: tf.Tensor, { series, length }: Fold, share: number): tf.Tensor {
  const first = Int32Array.from({ length: series }, (_, n) => Math.floor(n / share) * length);
  const start = tf.tensor(first, [series, 1, 1], 'int32');
  const zero = tf.scalar((series / share) * length, 'int32');
  return tf.reshape(tf.minimum(tf.add(places, start), zero), [-1]);
}

/** x with one row of zeros after its last. */
function withZeroRow(x: tf.Tensor): tf.Tensor {
  return tf.concat([x, tf.zeros([1, x.shape[1] ?? 0])], 0);
}

/**
 * Row l of the result is row l's neighbours side by side; a last row is zero. Where `share` series
 * are folds of one, `x` has each once.
 * @param x [N / share L, C]
 * @returns [N L + 1, K C]
 */
function spread(x: tf.Tensor, places: tf.Tensor, fold: Fold, share: number): tf.Tensor {
  const { series, length, side } = fold;
  const rows = rowsAt(places, fold, share);
  const nowhere = tf.fill([side], (series / share) * length, 'int32');
  const found = tf.gather(withZeroRow(x), tf.concat([rows, nowhere], 0));
  return tf.reshape(found, [series * length + 1, side * (x.shape[1] ?? 0)]);
}

/**
 * Adds up what belongs to a row from its neighbours: part j of neighbour j's row. The adjoint of
 * `spread` with the offsets turned round, so that neither needs a scatter.
 * @param x [N L + 1, K C], the last row zero
 * @returns [N L, C], or [N / share L, C], summed over the series that share
 */
function collect(x: tf.Tensor, places: tf.Tensor, fold: Fold, share: number): tf.Tensor {
  const { series, length, side } = fold;
  const width = (x.shape[1] ?? 0) / side;
  const parts = tf.reshape(x, [(series * length + 1) * side, width]);
  const row = tf.reshape(rowsAt(places, fold, 1), [series * length, side]);
  const at = tf.add(tf.mul(row, tf.scalar(side, 'int32')), tf.range(0, side, 1, 'int32'));
  // One gather for each neighbour: adding whole tensors up is faster than summing over five rows.
  const found = tf
    .unstack(at, 1)
    .map((from) => tf.gather(parts, from))
    .reduce((a, b) => tf.add(a, b));
  if (share === 1) return found;
  const apart = tf.reshape(found, [series / share, share, length * width]);
  return tf.reshape(tf.sum(apart, 1), [-1, width]);
}

/** `spread` along the phase, with its derivative. */
export function spreadPhase(x: tf.Tensor, fold: Fold, share = 1): tf.Tensor {
  return linearMap(
    x,
    fold.phase,
    (value, places) => spread(value, places, fold, share),
    (dy, places) => collect(dy, places, fold, share),
  );
}

/** `collect` along the cycle, with its derivative. */
export function collectCycle(x: tf.Tensor, fold: Fold): tf.Tensor {
  return linearMap(
    x,
    fold.cycle,
    (value, places) => collect(value, places, fold, 1),
    (dy, places) => spread(dy, places, fold, 1),
  );
}

/** A linear function and its adjoint as one differentiable operation. */
function linearMap(
  x: tf.Tensor,
  { ahead, back }: Neighbours,
  map: (x: tf.Tensor, places: tf.Tensor) => tf.Tensor,
  adjoint: (dy: tf.Tensor, places: tf.Tensor) => tf.Tensor,
): tf.Tensor {
  return tf.customGrad((value, save) => {
    if (!(value instanceof tf.Tensor) || typeof save !== 'function') throw new TypeError('fold');
    save([back]);
    return {
      value: map(value, ahead),
      gradFunc: (dy: tf.Tensor, [places]: tf.Tensor[]) => adjoint(dy, places ?? back),
    };
  })(x);
}
