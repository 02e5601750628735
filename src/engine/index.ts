export type {
  CompiledGraph,
  Feeds,
  HostTensor,
  Provider,
  ResidentTensor,
  TensorSpec,
  TracedGraph,
} from './types.ts';
export { PROVIDERS } from './types.ts';
export { trace, type TensorFunction } from './trace.ts';
export { compile } from './compile.ts';
export { availableProviders, type ProviderReport } from './providers.ts';
export { causalSelfAttention } from './ops/attention.ts';
export { gelu } from './ops/gelu.ts';
export { layerNorm, normalisedLinear } from './ops/layer-norm.ts';
export { linear } from './ops/linear.ts';
