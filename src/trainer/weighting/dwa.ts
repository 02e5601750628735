import { z } from 'zod';
import type { Weighting, WeightingMethod } from './method.ts';
import { aboveFloor } from './loss-floor.ts';
import { invalid, parseOptions, parseState, perTask } from './options.ts';
import { softmaxWeights } from './simplex.ts';

const schema = z.strictObject({
  /** `epoch`: mean losses of the last two epochs. `window`: means of the last 2n steps' halves. */
  variant: z.enum(['epoch', 'window']).default('epoch'),
  /** Temperature. */
  T: z.number().positive().default(2),
  /** n: half the window. */
  window: z.int().min(1).default(25),
  /**
   * What the window holds at first: `wait` = nothing, equal weights until 2n losses are there;
   * `ones` = losses of 1, weights from n + 2 losses on, as in the nash-mtl code.
   */
  start: z.enum(['wait', 'ones']).default('wait'),
});
type Options = z.output<typeof schema>;

const NAME = 'dwa';

/** K softmax((recent / earlier) / T) over mean losses above the floor (Liu et al. 2019, eq. 7). */
function dynamicWeights(
  recent: Float64Array,
  earlier: Float64Array,
  temperature: number,
  present: readonly boolean[],
): Float64Array {
  const ratios = recent.map((loss, k) => loss / (earlier[k] ?? 0));
  return softmaxWeights(ratios, temperature, present).map((w) => w * recent.length);
}

const ones = (tasks: number): Float64Array => new Float64Array(tasks).fill(1);
const everyTask = (tasks: number): boolean[] => Array.from({ length: tasks }, () => true);

function epochs(tasks: number, { T }: Options): Weighting {
  const state = z.strictObject({
    epoch: z.int().min(0),
    /** Sums of this epoch's losses, and of how many batches. */
    sums: perTask(tasks),
    batches: z.int().min(0),
    /** Mean losses of the last finished epochs, newest first, at most two. */
    means: z.array(perTask(tasks)).max(2),
  });
  let { epoch, sums, batches, means }: z.output<typeof state> = {
    epoch: 0,
    sums: [...new Float64Array(tasks)],
    batches: 0,
    means: [],
  };
  const enter = (next: number): void => {
    if (next <= epoch) return;
    if (batches > 0) means = [sums.map((x) => x / batches), ...means].slice(0, 2);
    [epoch, sums, batches] = [next, [...new Float64Array(tasks)], 0];
  };
  return {
    ...FACE,
    step({ epoch: now, lossFloor, present }) {
      if (now === undefined)
        throw invalid(`${NAME}: the epoch is missing; variant "epoch" needs it`);
      enter(now);
      const [recent, earlier] = means.map((x) => aboveFloor(Float64Array.from(x), lossFloor));
      return {
        weights:
          recent && earlier
            ? dynamicWeights(recent, earlier, T, present ?? everyTask(tasks))
            : ones(tasks),
        diagnostics: {},
      };
    },
    observe({ losses, epoch: now = epoch }) {
      enter(now);
      sums = sums.map((x, k) => x + (losses[k] ?? 0));
      batches++;
    },
    save: () => ({ epoch, sums: [...sums], batches, means: means.map((x) => [...x]) }),
    load: (saved) => ({ epoch, sums, batches, means } = parseState(NAME, state, saved)),
  };
}

function windows(tasks: number, { T, window, start }: Options): Weighting {
  const state = z.strictObject({
    /** Losses of the last steps, oldest first, at most 2n. */
    recent: z.array(perTask(tasks)).max(2 * window),
    steps: z.int().min(0),
  });
  let recent: number[][] =
    start === 'ones' ? Array.from({ length: 2 * window }, () => [...ones(tasks)]) : [];
  let steps = 0;
  const ready = (): boolean => (start === 'ones' ? steps > window + 1 : steps >= 2 * window);
  return {
    ...FACE,
    step({ lossFloor, present }) {
      if (!ready()) return { weights: ones(tasks), diagnostics: {} };
      const above = recent.map((x) => aboveFloor(Float64Array.from(x), lossFloor));
      const total = (rows: readonly Float64Array[]): Float64Array =>
        ones(tasks).map((_, k) => rows.reduce((sum, row) => sum + (row[k] ?? 0), 0));
      const [earlier, later] = [total(above.slice(0, window)), total(above.slice(window))];
      return {
        weights: dynamicWeights(later, earlier, T, present ?? everyTask(tasks)),
        diagnostics: {},
      };
    },
    observe({ losses }) {
      recent = [...recent, [...losses]].slice(-2 * window);
      steps++;
    },
    save: () => ({ recent: recent.map((x) => [...x]), steps }),
    load: (saved) => ({ recent, steps } = parseState(NAME, state, saved)),
  };
}

const FACE = {
  needs: new Set<never>(),
  scope: 'all',
  metric: 'euclid',
  headPolicy: 'weighted',
  headScale: 'one',
  positiveLosses: true,
} as const;

/**
 * Dynamic weight average: tasks whose loss falls more slowly get more weight. Both variants learn
 * from losses already seen, so a step costs no more than Vanilla's.
 */
export const dwa: WeightingMethod = {
  name: NAME,
  summary: 'more weight where the loss falls more slowly',
  source: 'Liu, Johns & Davison 2019, End-to-end multi-task learning with attention',
  cost: 'F + B',
  create(tasks, given) {
    const options = parseOptions(NAME, schema, given);
    return options.variant === 'epoch' ? epochs(tasks, options) : windows(tasks, options);
  },
};
