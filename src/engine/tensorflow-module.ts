import * as tf from '@tensorflow/tfjs-core';
import { setIfUnset, VamoError } from '../core/index.ts';
import { gradientKernels } from './gradients/register.ts';

/** The packages that can compute with libtensorflow, the one for NVIDIA GPUs first. */
export const TENSORFLOW_PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;
type TensorFlowPackage = (typeof TENSORFLOW_PACKAGES)[number];

/** The tfjs backend that these packages register. */
export const TENSORFLOW_BACKEND = 'tensorflow';

/**
 * Loads the first of the packages that is installed and whose native addon works. They take over
 * tfjs's global state; backend and derivatives in force before are in force again afterwards.
 * @param threads of TensorFlow's CPU kernels, read when it is first loaded; 0 = its choice
 * @throws VamoError ENGINE_UNAVAILABLE with what each package said
 */
export async function loadTensorFlow(threads = 0): Promise<TensorFlowPackage> {
  // libtensorflow reads its settings from the environment, once.
  if (threads > 0) setIfUnset('TF_NUM_INTRAOP_THREADS', String(threads));
  setIfUnset('TF_CPP_MIN_LOG_LEVEL', '2');
  const before = tf.getBackend() as string | null | undefined;
  const derivatives = gradientKernels.map((kernel) => tf.getGradient(kernel));
  const reasons: string[] = [];
  try {
    for (const name of TENSORFLOW_PACKAGES) {
      const reason = await failureOf(name);
      if (reason === undefined) return name;
      reasons.push(`${name}: ${reason}`);
    }
  } finally {
    for (const derivative of derivatives) tf.registerGradient(derivative);
    if (typeof before === 'string') void tf.setBackend(before);
  }
  throw new VamoError('ENGINE_UNAVAILABLE', `no TensorFlow package loads (${reasons.join('; ')})`, {
    mend: 'Run `scripts/tfjs-node.sh`, or install @tensorflow/tfjs-node(-gpu) 4.22.0.',
    details: { reasons },
  });
}

/** Why a package does not load; undefined when it did. */
async function failureOf(name: TensorFlowPackage): Promise<string | undefined> {
  try {
    await import(name);
    const isThere = await tf.setBackend(TENSORFLOW_BACKEND);
    return isThere ? undefined : 'its backend does not start';
  } catch (error) {
    if (isNotFound(error, name)) return 'not installed';
    return error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
  }
}

function isNotFound(error: unknown, name: string): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'ERR_MODULE_NOT_FOUND' &&
    error.message.includes(name)
  );
}
