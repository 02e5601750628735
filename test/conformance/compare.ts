export interface Tolerance {
  readonly atol: number;
  readonly rtol: number;
}

/** Most that a number other than 0 may be off, as a share of it. */
const RELATIVE = 5e-3;

/**
 * The first place where `actual` is not what is expected, or undefined. Numbers match when
 * |a - b| <= atol + rtol |b| and, so that any number wrong by 1 % is noticed, |a - b| <= 0.5 % of |b|
 * beside `floor`; arrays element by element, objects member by member of `expected`.
 * @param floor rounding left where large terms cancel
 */
export function difference(
  actual: unknown,
  expected: unknown,
  tolerance: Tolerance,
  path: string,
  floor = 0,
): string | undefined {
  if (typeof expected === 'number') {
    const size = Math.abs(expected);
    const own = expected === 0 ? Infinity : RELATIVE * size + floor;
    const close =
      typeof actual === 'number' &&
      Math.abs(actual - expected) <= Math.min(tolerance.atol + tolerance.rtol * size, own);
    return close ? undefined : `${path}: ${String(actual)}, expected ${expected}`;
  }
  if (typeof expected !== 'object' || expected === null)
    return actual === expected
      ? undefined
      : `${path}: ${String(actual)}, expected ${String(expected)}`;
  if (typeof actual !== 'object' || actual === null)
    return `${path}: ${String(actual)}, expected ${Array.isArray(expected) ? 'a list' : 'an object'}`;
  if (Array.isArray(expected) && (actual as { length?: number }).length !== expected.length)
    return `${path}: not ${expected.length} long`;
  for (const [key, value] of Object.entries(expected)) {
    const found = difference(
      (actual as Record<string, unknown>)[key],
      value,
      tolerance,
      `${path}.${key}`,
      floor,
    );
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The first number that is not finite, or undefined. */
export function notFinite(value: unknown, path: string): string | undefined {
  if (typeof value === 'number')
    return Number.isFinite(value) ? undefined : `${path}: ${value}, must be finite`;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const found = notFinite(inner, `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
