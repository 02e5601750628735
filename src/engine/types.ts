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

/** An ONNX model recorded from a pure function over tfjs tensors. */
export interface TracedGraph {
  readonly bytes: Uint8Array;
  readonly nodeCount: number;
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  readonly outputs: Readonly<Record<string, TensorSpec>>;
}

/** A graph made ready to run on an execution provider. `run` blocks the thread while it computes. */
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
}
