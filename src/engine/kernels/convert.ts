import type { Graph } from '../graph.ts';
import { cast } from '../layout.ts';
import { ONNX_TYPE } from '../onnx.ts';
import { operand, type Operand } from '../operand.ts';
import type { DType } from '../types.ts';

/** The operand as another element type; float to int32 cuts toward zero. */
export function converted(graph: Graph, x: Operand, dtype: DType): Operand {
  return operand(cast(graph, x.value, dtype, ONNX_TYPE[dtype]), dtype, x.shape);
}
