import * as tf from '@tensorflow/tfjs-core';

type Attributes = Readonly<Record<string, unknown>>;
/** From the gradient of a kernel's output and the saved tensors to the gradients of its inputs. */
type Derivative<Dy> = (
  dy: Dy,
  saved: tf.Tensor[],
  attributes: Attributes,
) => Readonly<Record<string, () => tf.Tensor>>;

/** How a tfjs kernel is differentiated. */
export interface Gradient {
  readonly kernel: string;
  readonly config: Omit<tf.GradConfig, 'kernelName'>;
}

/** A kernel with one output whose derivative needs the named inputs. */
export function ofInputs(
  kernel: string,
  inputsToSave: string[],
  derivative: Derivative<tf.Tensor>,
): Gradient {
  return { kernel, config: { inputsToSave, gradFunc: derivative as tf.GradFunc } };
}

/** A kernel with one output whose derivative is a formula of that output. */
export function ofOutput(kernel: string, derivative: Derivative<tf.Tensor>): Gradient {
  return { kernel, config: { outputsToSave: [true], gradFunc: derivative as tf.GradFunc } };
}

/** A kernel whose derivative needs the named inputs and the output. */
export function ofBoth(
  kernel: string,
  inputsToSave: string[],
  derivative: Derivative<tf.Tensor>,
): Gradient {
  const gradFunc = derivative as tf.GradFunc;
  return { kernel, config: { inputsToSave, outputsToSave: [true], gradFunc } };
}

/** A kernel of a list of tensors. */
export function ofList(kernel: string, derivative: Derivative<tf.Tensor>): Gradient {
  return { kernel, config: { saveAllInputs: true, gradFunc: derivative as tf.GradFunc } };
}

/** A kernel with several outputs. */
export function ofParts(
  kernel: string,
  inputsToSave: string[],
  derivative: Derivative<tf.Tensor[]>,
): Gradient {
  return { kernel, config: { inputsToSave, gradFunc: derivative as unknown as tf.GradFunc } };
}

/** dy summed over the axes along which an input of the given shape was spread. */
export function gathered(dy: tf.Tensor, shape: readonly number[]): tf.Tensor {
  const axes = tf.backend_util.getReductionAxes([...shape], dy.shape);
  const sum = axes.length === 0 ? dy : tf.sum(dy, axes);
  return tf.reshape(sum, [...shape]);
}

/** The saved tensor at a place. */
export function at(saved: readonly tf.Tensor[], index: number): tf.Tensor {
  const tensor = saved[index];
  if (tensor === undefined) throw new RangeError(`a gradient saved no tensor ${index}`);
  return tensor;
}
