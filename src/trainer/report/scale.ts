/** A linear map of a domain onto pixels, with round ticks. */
export interface Scale {
  readonly domain: readonly [number, number];
  readonly ticks: readonly number[];
  at(value: number): number;
  /** A tick as text, with the decimals the tick distance needs. */
  format(tick: number): string;
}

/** Round numbers 1, 2, 5 x 10^n, about `count` of them inside [low, high]. */
function roundStep(low: number, high: number, count: number): number {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5].find((m) => m * power >= rough) ?? 10);
}

/** The least domain that holds every finite value; [0, 1] for none, widened when all are equal. */
export function extent(values: Iterable<number>): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  const pad = low === high ? Math.abs(low) * 0.1 || 0.5 : 0;
  return [low - pad, high + pad];
}

export function linearScale(
  domain: readonly [number, number],
  pixels: readonly [number, number],
  options: { readonly count?: number; readonly widen?: boolean; readonly integers?: boolean } = {},
): Scale {
  const { count = 5, widen = true, integers = false } = options;
  const found = roundStep(domain[0], domain[1], count);
  const step = integers ? Math.max(1, found) : found;
  const low = widen ? Math.floor(domain[0] / step) * step : domain[0];
  const high = widen ? Math.ceil(domain[1] / step) * step : domain[1];
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const large = Math.max(Math.abs(low), Math.abs(high));
  return {
    domain: [low, high],
    ticks: Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step),
    at: (value) => pixels[0] + ((value - low) / (high - low)) * (pixels[1] - pixels[0]),
    format(tick) {
      if (large >= 1e5 || large < 1e-3) return tick === 0 ? '0' : tick.toExponential(1);
      return tick.toFixed(decimals).replace('-', '−');
    },
  };
}
