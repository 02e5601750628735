import { binary, where } from '../arithmetic.ts';
import { numbersOf, type Value } from '../graph.ts';
import { cast, reshape } from '../layout.ts';
import { ONNX_TYPE } from '../onnx.ts';
import { dense, operand } from '../operand.ts';
import { unsupported, type KernelCall, type Kernels } from './kernel.ts';

/** 0, 1, ... count - 1. */
function ramp({ graph }: KernelCall, count: number): Value {
  return graph.constant(
    Int32Array.from({ length: count }, (_, index) => index),
    [count],
    'int32',
  );
}

export const indexKernels: Kernels = {
  Fill: (call) => {
    const dtype = call.has('dtype') && call.text('dtype') === 'int32' ? 'int32' : 'float32';
    const value = call.graph.scalar(call.number('value'), dtype);
    return operand(value, dtype, call.numbers('shape'));
  },
  Range: (call) => {
    const [start, stop, step] = [call.number('start'), call.number('stop'), call.number('step')];
    const count = Math.max(0, Math.ceil((stop - start) / step));
    const dtype = call.text('dtype') === 'int32' ? 'int32' : 'float32';
    const data = numbersOf(
      dtype,
      Array.from({ length: count }, (_, index) => start + index * step),
    );
    return operand(call.graph.constant(data, [count], dtype), dtype);
  },
  GatherV2: (call) => {
    const { graph } = call;
    const [x, indices] = [call.input('x'), call.input('indices')];
    if (call.has('batchDims') && call.number('batchDims') !== 0)
      throw unsupported(call, 'batchDims');
    const asked = call.number('axis');
    const axis = asked < 0 ? asked + x.shape.length : asked;
    const shape = x.shape.toSpliced(axis, 1, ...indices.shape);
    const inputs = [dense(graph, x), dense(graph, indices)];
    return operand(graph.apply('Gather', inputs, { shape, type: x.dtype }, { axis }), x.dtype);
  },
  OneHot: (call) => {
    const { graph } = call;
    const indices = call.input('indices');
    const column = reshape(graph, dense(graph, indices), [...indices.shape, 1]);
    const isHot = binary(graph, 'Equal', column, ramp(call, call.number('depth')));
    const dtype = call.has('dtype') && call.text('dtype') === 'int32' ? 'int32' : 'float32';
    const on = graph.scalar(call.number('onValue'), dtype);
    return operand(where(graph, isHot, on, graph.scalar(call.number('offValue'), dtype)), dtype);
  },
  // The gradient of a gather: rows with the same id are added into one.
  UnsortedSegmentSum: (call) => {
    const { graph } = call;
    const [x, ids] = [call.input('x'), call.input('segmentIds')];
    const count = call.number('numSegments');
    if (ids.shape.length !== 1) throw unsupported(call, `segment ids of rank ${ids.shape.length}`);
    const shape = [count, ...x.shape.slice(1)];
    const zeros = graph.apply('Expand', [graph.scalar(0, x.dtype), graph.int64(shape)], {
      shape,
      type: x.dtype,
    });
    const rows = cast(
      graph,
      reshape(graph, dense(graph, ids), [...ids.shape, 1]),
      'int64',
      ONNX_TYPE.int64,
    );
    const inputs = [zeros, rows, dense(graph, x)];
    return operand(
      graph.apply('ScatterND', inputs, { shape, type: x.dtype }, { reduction: 'add' }),
      x.dtype,
    );
  },
};
