import * as tf from '@tensorflow/tfjs-core';
import { isVamoError, VamoError } from '../core/index.ts';
import { isTracing, record, type Recorder } from './backend.ts';
import { createGraph, type Graph, type Value } from './graph.ts';
import { productFlops } from './flops.ts';
import { foldScales } from './fold-scales.ts';
import { registerGradients } from './gradients/register.ts';
import { encodeModel } from './onnx.ts';
import { dense } from './operand.ts';
import type { TensorFunction, TensorSpec, TracedGraph } from './types.ts';

registerGradients();

/**
 * Records `fn` as an ONNX model. Inside, every tfjs op works (`tf.grads`, `tf.valueAndGrads`,
 * `tf.customGrad` too) but nothing is computed: values cannot be read. The same function and the
 * same inputs give the same bytes. The tfjs backend in force before is in force again afterwards,
 * also when `fn` throws, and no tensor is left behind.
 * @throws VamoError ENGINE_KERNEL_MISSING when `fn` uses a tfjs kernel that has no translation
 * @throws VamoError ENGINE_GRAPH for a trace inside a trace, a value read, or a bad output
 */
export function trace(
  inputs: Readonly<Record<string, TensorSpec>>,
  fn: TensorFunction,
): TracedGraph {
  if (isTracing()) throw new VamoError('ENGINE_GRAPH', 'trace was called inside a traced function');
  const graph = createGraph();
  const given: Value[] = [];
  const results = new Map<string, Value>();
  const outputs: Record<string, TensorSpec> = {};
  try {
    record(graph, (recorder) => {
      const tensors: Record<string, tf.Tensor> = {};
      for (const [name, { shape, dtype }] of Object.entries(inputs)) {
        const { tensor, value } = recorder.input(name, shape, dtype);
        tensors[name] = tensor;
        given.push(value);
      }
      for (const [name, tensor] of Object.entries(fn(tensors))) {
        if (name in inputs) throw badOutput(name, 'has the name of an input');
        const { value, spec } = outputOf(graph, recorder, name, tensor);
        results.set(name, value);
        outputs[name] = spec;
      }
    });
  } catch (error) {
    throw asMissingKernel(error) ?? error;
  }
  if (results.size === 0) throw new VamoError('ENGINE_GRAPH', 'a traced function returned nothing');
  const folded = foldScales(given, results);
  return {
    ...encodeModel(folded.inputs, folded.outputs),
    flops: productFlops(folded.outputs.values()),
    inputs,
    outputs,
  };
}

function outputOf(graph: Graph, recorder: Recorder, name: string, tensor: unknown) {
  if (!isTensor(tensor)) throw badOutput(name, 'is not a tensor');
  const result = recorder.operandOf(tensor);
  const spec: TensorSpec = { shape: result.shape, dtype: result.dtype };
  return { value: dense(graph, result), spec };
}

function isTensor(x: unknown): x is tf.Tensor {
  return x instanceof tf.Tensor;
}

function badOutput(name: string, fault: string): VamoError {
  return new VamoError('ENGINE_GRAPH', `output ${name} of a traced function ${fault}`);
}

/** tfjs reports a kernel that a backend lacks by a plain Error that names it. */
function asMissingKernel(error: unknown): VamoError | undefined {
  if (isVamoError(error) || !(error instanceof Error)) return undefined;
  const kernel = /^Kernel '(.+)' not registered for backend/.exec(error.message)?.[1];
  if (kernel === undefined) return undefined;
  return new VamoError('ENGINE_KERNEL_MISSING', `tfjs kernel ${kernel} cannot be traced`, {
    details: { kernel },
    cause: error,
  });
}
