export type {
  CompiledGraph,
  Engine,
  EngineTensor,
  HostTensor,
  ResidentTensor,
  TensorFunction,
  TensorProgram,
  TensorSpec,
  TracedGraph,
} from './types.ts';
export { PROVIDERS } from './types.ts';
export { program } from './program.ts';
export { createEngine } from './engine.ts';
export {
  chooseEngine,
  type EngineChoice,
  type EngineReport,
  type EngineSetting,
  inspectEngine,
} from './choose.ts';
export { runtimeProviders } from './installed.ts';
export { TENSORFLOW_PACKAGES } from './tensorflow-module.ts';
export { trace } from './trace.ts';
export { compile } from './compile.ts';
export { hostTensorOf, isResident, residentCount } from './resident.ts';
export { availableProviders, type ProviderReport } from './providers.ts';
export { causalSelfAttention } from './ops/attention.ts';
export { gelu } from './ops/gelu.ts';
export { layerNorm, normalisedLinear } from './ops/layer-norm.ts';
export { linear } from './ops/linear.ts';
