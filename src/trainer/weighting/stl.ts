import { z } from 'zod';
import type { WeightingMethod } from './method.ts';
import { invalid, parseOptions } from './options.ts';
import { presentTasks } from './simplex.ts';

const schema = z.strictObject({
  /** Index of the task that is trained. */
  mainTask: z.int().min(0).default(0),
});

/** Single-task learning: all the weight on one task, one model per task (paper section 4). */
export const stl: WeightingMethod = {
  name: 'stl',
  summary: 'one model a task, all the weight on it',
  source: 'single-task learning; paper section 4',
  cost: 'F + B a model',
  create(tasks, options) {
    const { mainTask } = parseOptions('stl', schema, options);
    if (mainTask >= tasks)
      throw invalid(`stl.mainTask: ${mainTask}; must be below the number of tasks (${tasks})`);
    return {
      needs: new Set(),
      scope: 'all',
      metric: 'euclid',
      headPolicy: 'weighted',
      headScale: 'one',
      step: ({ present }) => ({
        weights: Float64Array.from(presentTasks(tasks, present), (there, k) =>
          there && k === mainTask ? 1 : 0,
        ),
        diagnostics: {},
      }),
      save: () => ({}),
      load: () => undefined,
    };
  },
};
