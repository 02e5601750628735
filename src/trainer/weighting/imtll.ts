import type { WeightingMethod } from './method.ts';
import { createLogScales, imtlOptions } from './imtl-scales.ts';
import { parseOptions } from './options.ts';

/** IMTL-L: learned scales e^{s_k} that bring every scaled loss to 1. */
export const imtll: WeightingMethod = {
  name: 'imtll',
  summary: 'learned scales that bring all losses to one size',
  source: 'Liu et al. 2021, Towards impartial multi-task learning, IMTL-L',
  cost: 'F + B',
  create(tasks, given) {
    const scales = createLogScales('imtll', tasks, parseOptions('imtll', imtlOptions, given));
    return {
      needs: new Set(),
      scope: 'all',
      metric: 'euclid',
      headPolicy: 'weighted',
      headScale: 'one',
      step: () => ({
        weights: scales.factors(),
        diagnostics: { logScale: [...scales.values()] },
      }),
      observe: ({ losses, present }) => scales.observe(losses, present),
      save: () => scales.save(),
      load: (state) => scales.load(state),
    };
  },
};
