import { quantile } from '../../src/core/index.ts';
import type { Block, Stepper } from './step-peer.ts';

interface Timing {
  readonly medianMs: number;
  /** For steps that are not alike: every fourth a dearer one, say. */
  readonly meanMs: number;
  readonly fastestMs: number;
  /** Of the process, MiB. */
  readonly peakMiB: number;
}

interface BlockTimes {
  readonly medianMs: number;
  readonly meanMs: number;
}

export interface Comparison {
  /** Largest difference of two sides' losses over the compared steps. */
  readonly largestGap: number;
  /** By the names given, in their order. */
  readonly timings: Readonly<Record<string, Timing>>;
  /** Per block, the median and the mean of its steps. */
  readonly blocks: Readonly<Record<string, readonly BlockTimes[]>>;
}

const timesOf = (ms: readonly number[]): BlockTimes => ({
  medianMs: quantile(ms, 0.5),
  meanMs: ms.reduce((sum, x) => sum + x, 0) / ms.length,
});

/** The largest difference of two runs' losses; NaN when one is not a number. */
function largestGap(a: Block, b: Block): number {
  const gaps = a.losses.flatMap((row, i) => row.map((x, k) => Math.abs(x - b.losses[i]![k]!)));
  return gaps.reduce((largest, gap) => Math.max(largest, gap), 0);
}

/**
 * Steppers take the same `compared` steps first, and their losses are held against the first one's
 * (which also warms all up); then they take turns in blocks of steps, for the speed of a shared
 * machine drifts by more than the differences sought. All are stopped at the end.
 */
export async function compare(
  steppers: Readonly<Record<string, Stepper>>,
  { compared, blocks, steps }: { compared: number; blocks: number; steps: number },
): Promise<Comparison> {
  const names = Object.keys(steppers);
  const first = new Map<string, Block>();
  for (const name of names) first.set(name, await steppers[name]!.run(compared));
  const reference = first.get(names[0]!)!;
  const gaps = names.slice(1).map((name) => largestGap(reference, first.get(name)!));
  const timed = new Map(names.map((name) => [name, [] as Block[]]));
  for (let block = 0; block < blocks; block++)
    for (const name of names) timed.get(name)!.push(await steppers[name]!.run(steps));
  for (const name of names) await steppers[name]!.stop();
  const timing = (own: readonly Block[]): Timing => {
    const ms = own.flatMap((block) => block.ms);
    const peakMiB = Math.max(...own.map((block) => block.peakRss)) / 1024;
    return { ...timesOf(ms), fastestMs: Math.min(...ms), peakMiB };
  };
  return {
    largestGap: gaps.reduce((largest, gap) => Math.max(largest, gap), 0),
    timings: Object.fromEntries(names.map((name) => [name, timing(timed.get(name)!)])),
    blocks: Object.fromEntries(
      names.map((name) => [name, timed.get(name)!.map(({ ms }) => timesOf(ms))]),
    ),
  };
}

/** a's time over b's: of the medians (or means) of all steps, and the spread over the blocks' own ratios. */
export function ratioOf(
  { timings, blocks }: Comparison,
  a: string,
  b: string,
  by: keyof BlockTimes = 'medianMs',
) {
  const paired = blocks[a]!.map((own, i) => own[by] / blocks[b]![i]![by]);
  return {
    ratio: timings[a]![by] / timings[b]![by],
    ms: timings[a]![by],
    peerMs: timings[b]![by],
    least: Math.min(...paired),
    middle: quantile(paired, 0.5),
    most: Math.max(...paired),
  };
}
