export type {
  CompiledGraph,
  CompileOptions,
  DType,
  HostTensor,
  TensorSpec,
  TracedGraph,
} from './types.ts';
export { trace, type TensorFunction } from './trace.ts';
export { compile } from './compile.ts';
export { causalMask, causalSelfAttention } from './ops/attention.ts';
export { gelu } from './ops/gelu.ts';
export { layerNorm } from './ops/layer-norm.ts';
export { linear } from './ops/linear.ts';
