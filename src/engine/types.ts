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
  /** Outputs that `runResident` leaves where the engine made them: what later graphs are fed. */
  readonly resident?: readonly string[];
}

/**
 * A tensor where its provider keeps it: a GPU's memory, or the host's. Fed back to a graph of the
 * same provider it is not copied. `dispose` frees its memory at once; on the cpu it may be left out.
 */
export interface ResidentTensor {
  readonly shape: readonly number[];
  readonly provider: Provider;
  /** A copy in host memory (on the cpu: the memory itself). */
  read(): Promise<HostTensor>;
  dispose(): void;
}

/** An ONNX model recorded from a pure function over tfjs tensors. */
export interface TracedGraph {
  readonly bytes: Uint8Array;
  readonly nodeCount: number;
  /** Floating-point operations of its matrix products. */
  readonly flops: number;
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  readonly outputs: Readonly<Record<string, TensorSpec>>;
}

/** A tensor wherever it lies. */
export type EngineTensor = HostTensor | ResidentTensor;

export type Feeds = Readonly<Record<string, EngineTensor>>;

/** Outputs of a run: those that stay with the provider, and the others. */
export interface Results {
  readonly host: Readonly<Record<string, HostTensor>>;
  readonly resident: Readonly<Record<string, ResidentTensor>>;
}

/** A program made ready to run on an engine. `run` blocks the thread while it computes. */
export interface CompiledGraph {
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  readonly outputs: Readonly<Record<string, TensorSpec>>;
  /**
   * All outputs in host memory.
   * @throws VamoError ENGINE_GRAPH naming a missing, unknown or wrongly shaped input
   */
  run(feeds: Feeds): Promise<Record<string, HostTensor>>;
  /** As `run`, but outputs asked to be resident stay where they were made, if the engine can. */
  runResident(feeds: Feeds): Promise<Results>;
  release(): Promise<void>;
}

/** Where a graph can run. */
export const PROVIDERS = ['cpu', 'webgpu', 'cuda'] as const;
export type Provider = (typeof PROVIDERS)[number];

export interface CompileOptions {
  /** Threads of the cpu provider; 0 = the runtime's choice. Results do not depend on it. */
  readonly threads?: number;
  /** Default `cpu`. What a GPU provider cannot compute, the cpu does, with copies in between. */
  readonly provider?: Provider;
  /** Outputs that `runResident` leaves with the provider: what is fed back in the next step. */
  readonly resident?: readonly string[];
}

/** What computes: programs in, runnable graphs out. Nothing else knows which engine it is. */
export interface Engine {
  readonly kind: EngineKind;
  /** @throws VamoError ENGINE_GRAPH, ENGINE_KERNEL_MISSING when it cannot run the program */
  prepare(program: TensorProgram): Promise<CompiledGraph>;
}
