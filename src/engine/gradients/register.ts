import * as tf from '@tensorflow/tfjs-core';
import { elementwiseGradients } from './elementwise.ts';
import { structureGradients } from './structure.ts';

/** Every derivative known here. */
const gradients = [...elementwiseGradients, ...structureGradients];

/** The kernels whose derivative is known here. */
export const gradientKernels: readonly string[] = gradients.map(({ kernel }) => kernel);

/**
 * Gives tfjs the derivatives of its kernels: the build of tfjs-core for Node leaves them out.
 * A derivative that tfjs has already, from another package, stays. Done when the engine loads.
 */
export function registerGradients(): void {
  for (const { kernel, config } of gradients) {
    const known = tf.getGradient(kernel) as tf.GradConfig | undefined;
    if (known === undefined) tf.registerGradient({ kernelName: kernel, ...config });
  }
}
