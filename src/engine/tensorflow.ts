import * as tf from '@tensorflow/tfjs-core';
import { VamoError } from '../core/index.ts';
import { checked, checkNames, isData } from './compile.ts';
import { isResident } from './resident.ts';
import { loadTensorFlow, TENSORFLOW_BACKEND } from './tensorflow-module.ts';
import { isTracing } from './backend.ts';
import type {
  CompiledGraph,
  DType,
  Engine,
  Feeds,
  HostTensor,
  TensorProgram,
  TensorSpec,
} from './types.ts';

type Outputs = Record<string, HostTensor>;

/**
 * Runs programs op by op with libtensorflow, through tfjs-node-gpu or tfjs-node: slower than a
 * compiled graph, and an oracle for it. Its derivatives are those in force where it runs.
 * @throws VamoError ENGINE_UNAVAILABLE when neither package loads
 */
export async function createTensorFlowEngine(options: {
  readonly threads?: number;
}): Promise<Engine> {
  await loadTensorFlow(options.threads);
  return {
    kind: 'tensorflow',
    prepare: (program) => Promise.resolve().then(() => prepare(program)),
  };
}

function prepare(program: TensorProgram): CompiledGraph {
  const { inputs } = program;
  // Nothing knows the outputs before the function has run: once on zeros, which also shows early
  // that every kernel is there.
  const zeros = Object.entries(inputs).map(([name, spec]) => [name, zeroTensor(spec)] as const);
  const outputs = Object.fromEntries(
    Object.entries(runEagerly(program, Object.fromEntries(zeros))).map(
      ([name, { shape, data }]) => [name, { shape, dtype: typeOf(data) }],
    ),
  );
  let isReleased = false;
  const run = (feeds: Feeds): Promise<Outputs> =>
    Promise.resolve().then(() => {
      if (isReleased) throw new VamoError('ENGINE_GRAPH', 'the graph was released');
      return runEagerly(program, feeds);
    });
  return {
    inputs,
    outputs,
    run,
    runResident: async (feeds) => ({ host: await run(feeds), resident: {} }),
    release: () => {
      isReleased = true;
      return Promise.resolve();
    },
  };
}

/** Leaves no tensor behind, and the backend that was in force before in force. */
function runEagerly({ inputs, fn }: TensorProgram, feeds: Feeds): Outputs {
  if (isTracing()) throw new VamoError('ENGINE_GRAPH', 'a program was run inside a trace');
  checkNames(inputs, feeds);
  const given = Object.entries(inputs).map(
    ([name, spec]) => [name, spec, checked(name, spec, hostFeed(name, feeds[name]))] as const,
  );
  const before = tf.getBackend() as string | null | undefined;
  // The backend is up, so it is in force when the call returns.
  void tf.setBackend(TENSORFLOW_BACKEND);
  tf.engine().startScope();
  try {
    const tensors = given.map(
      ([name, { shape, dtype }, { data }]) => [name, tf.tensor(data, [...shape], dtype)] as const,
    );
    const results = Object.entries(fn(Object.fromEntries(tensors)));
    return Object.fromEntries(results.map(([name, tensor]) => [name, hostTensor(name, tensor)]));
  } finally {
    tf.engine().endScope();
    if (typeof before === 'string') void tf.setBackend(before);
  }
}

/** @throws VamoError ENGINE_GRAPH when the tensor lies with another engine */
function hostFeed(name: string, feed: Feeds[string] | undefined): HostTensor | undefined {
  if (feed === undefined || !isResident(feed)) return feed;
  throw new VamoError('ENGINE_GRAPH', `input ${name} lies on ${feed.provider}`);
}

/** A copy: what is never computed with keeps the memory it was made from. */
function hostTensor(name: string, tensor: tf.Tensor): HostTensor {
  const data: unknown = tensor.dataSync();
  const { dtype, shape } = tensor;
  if ((dtype === 'float32' || dtype === 'int32' || dtype === 'bool') && isData(data, dtype))
    return { shape: [...shape], data: data.slice() };
  throw new VamoError('ENGINE_GRAPH', `output ${name} is ${dtype}, which no graph gives`);
}

function zeroTensor({ shape, dtype }: TensorSpec): HostTensor {
  const size = shape.reduce((product, length) => product * length, 1);
  switch (dtype) {
    case 'float32':
      return { shape, data: new Float32Array(size) };
    case 'int32':
      return { shape, data: new Int32Array(size) };
    case 'bool':
      return { shape, data: new Uint8Array(size) };
  }
}

function typeOf(data: HostTensor['data']): DType {
  if (data instanceof Float32Array) return 'float32';
  return data instanceof Int32Array ? 'int32' : 'bool';
}
