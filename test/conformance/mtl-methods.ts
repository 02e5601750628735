import { deltaM } from '../../src/eval/index.ts';
import { GRADIENT_METHODS } from './mtl-gradients.ts';
import type { MtlMethod } from './mtl-inputs.ts';
import { LOSS_METHODS } from './mtl-losses.ts';
import { SOLVER_METHODS } from './solver-methods.ts';
import { VALIDATION_METHODS } from './mtl-validation.ts';

/** The methods under the names of the reference files. */
export const METHODS: Readonly<Record<string, MtlMethod>> = {
  ...LOSS_METHODS,
  ...GRADIENT_METHODS,
  ...SOLVER_METHODS,
  ...VALIDATION_METHODS,
  deltam:
    () =>
    ({ baseline = [], method = [] }) => ({ deltaM: deltaM(baseline, method) }),
};
