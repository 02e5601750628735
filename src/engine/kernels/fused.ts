import { dense, operand } from '../operand.ts';
import type { Kernels } from './kernel.ts';

/** Operations of this engine that ONNX has and tfjs has not. */
export const fusedKernels: Kernels = {
  /** Normalised rows, their means and the reciprocals of their standard deviations. */
  LayerNormalization: (call) => {
    const { graph } = call;
    const [x, gain, bias] = [call.input('x'), call.input('gain'), call.input('bias')];
    const column = { shape: [...x.shape.slice(0, -1), 1], type: 'float32' } as const;
    const outputs = graph.applyMany(
      'LayerNormalization',
      [dense(graph, x), dense(graph, gain), dense(graph, bias)],
      [{ shape: x.shape, type: 'float32' }, column, column],
      { axis: -1, epsilon: { float: call.number('epsilon') } },
    );
    return outputs.map((value) => operand(value, 'float32'));
  },
};
