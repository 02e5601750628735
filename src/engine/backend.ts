import * as tf from '@tensorflow/tfjs-core';
import { VamoError } from '../core/index.ts';
import { numbersOf, sizeOf, type Graph, type Value } from './graph.ts';
import { kernelCall } from './kernels/kernel.ts';
import { kernels } from './kernels/registry.ts';
import { operand, type Operand } from './operand.ts';
import type { DType } from './types.ts';

/** The name tfjs knows the recorder by. tfjs looks kernels up by the part before an underscore. */
const BACKEND = 'onnxtrace';

/** True while `trace` runs: tfjs operations are being recorded, not computed. */
export function isTracing(): boolean {
  return tf.getBackend() === BACKEND;
}

interface Entry {
  readonly operand: Operand;
  references: number;
}

/** A tfjs backend that computes nothing: its tensors stand for values of a graph. */
class TracingBackend extends tf.KernelBackend {
  readonly #graph: Graph;
  readonly #entries = new Map<tf.DataId, Entry>();

  constructor(graph: Graph) {
    super();
    this.#graph = graph;
  }

  /** The tensor of a recorded operand. */
  hold(x: Operand): tf.TensorInfo {
    const dataId = {};
    this.#entries.set(dataId, { operand: x, references: 1 });
    return { dataId, shape: [...x.shape], dtype: x.dtype };
  }

  /** What a tensor stands for. One that lives in another backend is a constant; it stays there. */
  operandOf({ dataId, shape, dtype }: tf.TensorInfo): Operand {
    const known = this.#entries.get(dataId)?.operand;
    if (known !== undefined) return known;
    return constantOperand(this.#graph, tf.engine().readSync(dataId), shape, dtype);
  }

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): tf.DataId {
    return this.hold(constantOperand(this.#graph, values, shape, dtype)).dataId;
  }

  override move(
    dataId: tf.DataId,
    values: tf.BackendValues,
    shape: number[],
    dtype: tf.DataType,
    references: number,
  ): void {
    const moved = constantOperand(this.#graph, values, shape, dtype);
    this.#entries.set(dataId, { operand: moved, references });
  }

  override readSync(dataId: tf.DataId): tf.BackendValues {
    const x = this.#entries.get(dataId)?.operand;
    if (x?.value.constant === undefined) {
      throw new VamoError('ENGINE_GRAPH', 'a tensor was read while tracing: it has no value yet', {
        mend: 'Compute with tensors only inside a traced function; do not read them.',
      });
    }
    return spread(Array.from(x.value.constant, Number), sizeOf(x.shape), x.dtype);
  }

  override read(dataId: tf.DataId): Promise<tf.BackendValues> {
    return Promise.resolve(this.readSync(dataId));
  }

  override incRef(dataId: tf.DataId): void {
    const entry = this.#entries.get(dataId);
    if (entry !== undefined) entry.references++;
  }

  override refCount(dataId: tf.DataId): number {
    return this.#entries.get(dataId)?.references ?? 0;
  }

  override disposeData(dataId: tf.DataId, force = false): boolean {
    const entry = this.#entries.get(dataId);
    if (entry === undefined) return true;
    entry.references--;
    if (!force && entry.references > 0) return false;
    return this.#entries.delete(dataId);
  }

  override numDataIds(): number {
    return this.#entries.size;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }

  override timerAvailable(): boolean {
    return false;
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {
    this.#entries.clear();
  }
}

/** A constant's elements; a single one repeated as often as its tensor has elements. */
function spread(values: readonly number[], size: number, dtype: DType): tf.BackendValues {
  const [first = 0] = values;
  const all = values.length === size ? values : Array<number>(size).fill(first);
  if (dtype === 'bool') return Uint8Array.from(all);
  return dtype === 'int32' ? Int32Array.from(all) : Float32Array.from(all);
}

function constantOperand(
  graph: Graph,
  values: tf.BackendValues,
  shape: readonly number[],
  dtype: tf.DataType,
): Operand {
  const type = traceableType(dtype);
  const numbers = numbersOf(type, Array.from(values, Number));
  const isUniform =
    numbers.length > 0 && numbers.every((value: number | bigint) => Object.is(value, numbers[0]));
  const value = isUniform
    ? graph.scalar(Number(numbers[0]), type)
    : graph.constant(numbers, shape, type);
  return operand(value, type, shape);
}

function traceableType(dtype: tf.DataType): DType {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype;
  throw new VamoError('ENGINE_GRAPH', `a tensor of type ${dtype} cannot be traced`);
}

/** What `record` lets its user do: make inputs and look at outputs. */
export interface Recorder {
  input(name: string, shape: readonly number[], dtype: DType): { tensor: tf.Tensor; value: Value };
  operandOf(tensor: tf.Tensor): Operand;
}

/**
 * Runs `body` with every tfjs operation recorded in `graph`. The backend in force before is in
 * force again afterwards, and tfjs's registries are as they were.
 */
export function record(graph: Graph, body: (recorder: Recorder) => void): void {
  const before = tf.getBackend() as string | null | undefined;
  const backend = new TracingBackend(graph);
  register(backend, graph);
  try {
    // The factory is synchronous, so the backend is in force when the call returns.
    void tf.setBackend(BACKEND);
    tf.tidy(() =>
      body({
        input: (name, shape, dtype) => {
          const value = graph.input(name, { shape, type: dtype });
          const info = backend.hold(operand(value, dtype));
          return { value, tensor: tf.engine().makeTensorFromTensorInfo(info) };
        },
        operandOf: (tensor) => backend.operandOf(tensor),
      }),
    );
  } finally {
    dropAbandonedTape();
    for (const kernelName of Object.keys(kernels)) tf.unregisterKernel(kernelName, BACKEND);
    tf.removeBackend(BACKEND);
    if (typeof before === 'string') void tf.setBackend(before);
  }
}

function register(backend: TracingBackend, graph: Graph): void {
  tf.registerBackend(BACKEND, () => backend, 0);
  for (const [kernelName, kernel] of Object.entries(kernels)) {
    tf.registerKernel({
      kernelName,
      backendName: BACKEND,
      kernelFunc: ({ inputs, attrs }) => {
        const given = Object.entries(inputs).flatMap(([name, info]) =>
          info === undefined ? [] : [[name, backend.operandOf(info)] as const],
        );
        const result = kernel(
          kernelCall(kernelName, graph, Object.fromEntries(given), attrs ?? {}),
        );
        return 'value' in result ? backend.hold(result) : result.map((x) => backend.hold(x));
      },
    });
  }
}

/** A gradient that threw leaves the tensors it had saved on tfjs's tape. */
function dropAbandonedTape(): void {
  // tfjs types the tape as always there; outside a gradient it is null.
  const state = tf.engine().state as { activeTape?: unknown; readonly gradientDepth: number };
  if (state.gradientDepth > 0) return;
  const tape = (state.activeTape ?? []) as readonly { readonly saved: readonly tf.Tensor[] }[];
  for (const { saved } of tape) for (const tensor of saved) tensor.dispose();
  state.activeTape = null;
}
