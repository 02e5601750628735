import { elementwiseKernels } from './elementwise.ts';
import { fusedKernels } from './fused.ts';
import { indexKernels } from './gather.ts';
import type { Kernels } from './kernel.ts';
import { matmulKernels } from './matmul.ts';
import { reduceKernels } from './reduce.ts';
import { shapeKernels } from './shape.ts';

/** Every tfjs kernel that can be traced, under its tfjs name. */
export const kernels: Kernels = {
  ...elementwiseKernels,
  ...reduceKernels,
  ...matmulKernels,
  ...shapeKernels,
  ...indexKernels,
  ...fusedKernels,
};
