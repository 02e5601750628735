import type { Tensor } from '@tensorflow/tfjs-core';
import type { EngineKind } from '../core/index.ts';

export type DType = 'float32' | 'int32' | 'bool';

/** Shape and type of a graph's input or output. Shapes are static. */
export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** A tensor in host memory, row-major. */
export interface HostTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/** A pure function from named tensors to named tensors. */
export type TensorFunction = (
  inputs: Readonly<Record<string, Tensor>>,
) => Readonly<Record<string, Tensor>>;

/** A computation that every engine can be given: the function, and what it takes. */
export interface TensorProgram {
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  readonly fn: TensorFunction;
}

/** An ONNX model recorded from a pure function over tfjs tensors. */
export interface TracedGraph {
  readonly bytes: Uint8Array;
  readonly nodeCount: number;
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  readonly outputs: Readonly<Record<string, TensorSpec>>;
}

/** A program made ready to run on an engine. `run` blocks the thread while it computes. */
export interface CompiledGraph {
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  readonly outputs: Readonly<Record<string, TensorSpec>>;
  /** @throws VamoError ENGINE_GRAPH naming a missing, unknown or wrongly shaped input */
  run(feeds: Readonly<Record<string, HostTensor>>): Promise<Record<string, HostTensor>>;
  release(): Promise<void>;
}

export interface CompileOptions {
  /** 0 = the runtime's choice. Results do not depend on it. */
  readonly threads?: number;
  /** The execution provider; default `cpu`. */
  readonly provider?: Exclude<EngineKind, 'tensorflow'>;
}

/** What computes: programs in, runnable graphs out. Nothing else knows which engine it is. */
export interface Engine {
  readonly kind: EngineKind;
  /** @throws VamoError ENGINE_GRAPH, ENGINE_KERNEL_MISSING when it cannot run the program */
  prepare(program: TensorProgram): Promise<CompiledGraph>;
}
