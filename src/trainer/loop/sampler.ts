import { type Random, restoreRandom, seededRandom } from '../../core/index.ts';
import type { TrajectoryRef } from './dataset.ts';

/** Where each task's sampling stands: the generator before its epoch's shuffle, and the position. */
export type SamplerState = readonly { readonly random: readonly number[]; readonly at: number }[];

/** Draws batches grouped by task, without replacement inside an epoch of each task. */
export interface Sampler {
  next(): TrajectoryRef[];
  save(): SamplerState;
  load(state: SamplerState): void;
}

interface TaskStream {
  next(): TrajectoryRef;
  save(): SamplerState[number];
}

function shuffled(items: readonly TrajectoryRef[], random: Random): TrajectoryRef[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const [a, b] = [order[i], order[j]];
    if (a && b) [order[i], order[j]] = [b, a];
  }
  return order;
}

function createStream(items: readonly TrajectoryRef[], from: SamplerState[number]): TaskStream {
  const random = restoreRandom(from.random);
  let before = random.state();
  let order = shuffled(items, random);
  let { at } = from;
  return {
    next() {
      if (at >= order.length) {
        before = random.state();
        order = shuffled(items, random);
        at = 0;
      }
      const item = order[at++];
      if (item === undefined) throw new RangeError('a task without trajectories cannot be sampled');
      return item;
    },
    save: () => ({ random: before, at }),
  };
}

/**
 * @param lists trajectories by task, each with at least one
 * @param counts rows of each task in a batch
 * @param key names the random stream, seed first
 */
export function createSampler(
  lists: readonly (readonly TrajectoryRef[])[],
  counts: readonly number[],
  key: readonly number[],
): Sampler {
  const restore = (state: SamplerState): TaskStream[] =>
    lists.map((list, k) => createStream(list, state[k] ?? { random: [], at: 0 }));
  let streams = restore(lists.map((_, k) => ({ random: seededRandom(...key, k).state(), at: 0 })));
  return {
    next: () =>
      streams.flatMap((stream, k) => Array.from({ length: counts[k] ?? 0 }, () => stream.next())),
    save: () => streams.map((stream) => stream.save()),
    load: (state) => {
      streams = restore(state);
    },
  };
}
