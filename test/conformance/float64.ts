import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Runs `compute` on tfjs's CPU backend with float64 in place of float32: its kernels compute with
 * JavaScript's numbers and round only where they store them, in whatever `Float32Array` stands for.
 * What comes of it can be compared with a float64 reference number by number.
 * @param compute makes no pause, so that nothing else runs meanwhile
 */
export async function inFloat64<T>(compute: () => T): Promise<T> {
  await tf.setBackend('cpu');
  await tf.ready();
  const { platform } = tf.env();
  const known = platform.isTypedArray.bind(platform);
  const single = globalThis.Float32Array;
  const engine = tf.engine();
  engine.startScope();
  try {
    globalThis.Float32Array = Float64Array as unknown as typeof single;
    platform.isTypedArray = (a): a is Float32Array => a instanceof Float64Array || known(a);
    return compute();
  } finally {
    globalThis.Float32Array = single;
    platform.isTypedArray = known;
    engine.endScope();
  }
}
