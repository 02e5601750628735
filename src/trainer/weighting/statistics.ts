/** ||g_k|| from the diagonal of the Gram matrix; what rounding pushed below 0 is 0. */
export function gradientNorms(gram: Float64Array, tasks: number): Float64Array {
  return Float64Array.from({ length: tasks }, (_, k) =>
    Math.sqrt(Math.max(0, gram[k * tasks + k] ?? 0)),
  );
}

/** a / b, 0 where b is 0: the cosine and the share of nothing. */
export const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);

/** <v, g_k> / (||v|| ||g_k||), 0 where a norm is 0. */
export function cosines(
  products: Float64Array,
  norm: number,
  gradientNorms: Float64Array,
): Float64Array {
  return products.map((m, k) => ratio(ratio(m, norm), gradientNorms[k] ?? 0));
}

/** M x for a K x K matrix, row-major. */
export function times(matrix: Float64Array, x: Float64Array): Float64Array {
  return x.map((_, j) =>
    x.reduce((total, value, k) => total + (matrix[j * x.length + k] ?? 0) * value, 0),
  );
}
