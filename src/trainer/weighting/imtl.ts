import type { WeightingMethod } from './method.ts';
import { createLogScales, imtlOptions } from './imtl-scales.ts';
import { imtlgWeights } from './imtlg.ts';
import { parseOptions, requireNumbers } from './options.ts';

/**
 * IMTL, L and G together: G on the gradients of the scaled losses e^{s_k} L_k, so that the raw
 * gradients weigh alpha_k e^{s_k} and the heads e^{s_k}.
 */
export const imtl: WeightingMethod = {
  name: 'imtl',
  summary: 'losses of one size and equal projections on every task gradient (IMTL-L and -G)',
  source: 'Liu et al. 2021, Towards impartial multi-task learning',
  cost: 'F + G',
  create(tasks, given) {
    const scales = createLogScales('imtl', tasks, parseOptions('imtl', imtlOptions, given));
    let heads = scales.factors();
    return {
      needs: new Set(['gram']),
      scope: 'shared',
      metric: 'euclid',
      headPolicy: 'unweighted',
      headScale: 'one',
      heads: () => heads,
      step({ gram }) {
        const raw = requireNumbers('gram', gram, tasks * tasks);
        heads = scales.factors();
        const scaled = raw.map(
          (x, i) => x * (heads[Math.floor(i / tasks)] ?? 0) * (heads[i % tasks] ?? 0),
        );
        const balance = imtlgWeights(scaled, tasks);
        return {
          weights: balance.map((a, k) => a * (heads[k] ?? 0)),
          diagnostics: { gWeights: [...balance], logScale: [...scales.values()] },
        };
      },
      observe: ({ losses, present }) => scales.observe(losses, present),
      save: () => scales.save(),
      load: (state) => scales.load(state),
    };
  },
};
