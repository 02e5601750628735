import { seededRandom } from '../../core/index.ts';
import type { Batches } from '../step/sight.ts';
import { type Dataset, type DayTrajectory, toFeeds } from './dataset.ts';
import type { Sampler } from './sampler.ts';

const WITHHELD_STREAM = 14;

const read = (sampler: Sampler): DayTrajectory[] => sampler.next().map((ref) => ref.read());

/**
 * The batches of one step, drawn as the step asks for them. Labels are withheld from a share `drop`
 * of training rows, by a random stream of the step alone: it is no state of the run.
 */
export function batchesOf(
  { splits }: Dataset,
  samplers: { readonly train: Sampler; readonly validation: Sampler },
  { drop, seed, step }: { readonly drop: number; readonly seed: number; readonly step: number },
): Batches {
  const random = seededRandom(seed, WITHHELD_STREAM, step);
  const withheld = drop > 0 ? () => random.next() < drop : undefined;
  return {
    train: () => toFeeds(read(samplers.train), { market: splits.train.market, withheld }),
    validation: () => toFeeds(read(samplers.validation), splits.validation),
  };
}
