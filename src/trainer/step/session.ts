import { type EngineKind, VamoError } from '../../core/index.ts';
import {
  type CompiledGraph,
  createEngine,
  type HostTensor,
  type TensorProgram,
} from '../../engine/index.ts';
import type { ParameterVectors } from '../../model/index.ts';
import { stateSpecs, type StepDesign } from './tensors.ts';
import { corrections, decayAt, learningRateAt } from './optimiser.ts';

export type Feeds = Readonly<Record<string, HostTensor>>;

/** Flat vectors by the names of `stateSpecs`, after `step` updates. */
export interface LearnerState {
  readonly step: number;
  readonly vectors: Readonly<Record<string, Float32Array>>;
}

/** Parameters as given, moments zero, step 0. */
function freshState(design: StepDesign, initial: ParameterVectors): LearnerState {
  const vectors = Object.entries(stateSpecs(design)).map(([name, { shape }]) => {
    const given = name === 'generator' || name === 'inverse' ? initial[name].slice() : undefined;
    return [name, given ?? new Float32Array(shape[0] ?? 0)] as const;
  });
  return { step: 0, vectors: Object.fromEntries(vectors) };
}

/** The parameters inside a state. */
export function parametersOf({ vectors }: LearnerState): ParameterVectors {
  return {
    generator: vectors['generator'] ?? new Float32Array(),
    inverse: vectors['inverse'] ?? new Float32Array(),
  };
}

/** A graph's float output. */
export function floats(outputs: Feeds, name: string): Float32Array {
  const data = outputs[name]?.data;
  if (data instanceof Float32Array) return data;
  throw new VamoError('ENGINE_GRAPH', `the step's graph gave no float output "${name}"`);
}

/** Numbers as a float32 vector. */
export function vector(values: ArrayLike<number>): HostTensor {
  return { shape: [values.length], data: Float32Array.from(values) };
}

/** The state of one model in training and the graphs that read and advance it. */
export interface Session {
  state: LearnerState;
  prepare(program: TensorProgram): Promise<CompiledGraph>;
  /** Runs a graph on the state, the step's rates, and what is given besides. */
  run(graph: CompiledGraph, given: Feeds): Promise<Feeds>;
  /** Takes over a step's `next.` outputs. */
  advance(outputs: Feeds): void;
  release(): Promise<void>;
}

/** Learner state on its way from step to step, as the graphs take it and give it back. */
export function createSession(
  design: StepDesign,
  options: {
    readonly initial: ParameterVectors;
    readonly inverseLearningRate: number;
    readonly threads: number;
    readonly engine?: EngineKind;
  },
): Session {
  const { optimiser } = design;
  const compiled: CompiledGraph[] = [];
  const engine = createEngine(options.engine ?? 'cpu', { threads: options.threads });
  const rates = (step: number): Feeds => {
    const [meanCorrection, squareCorrection] = corrections(optimiser, step);
    const values = {
      learningRate: learningRateAt(optimiser, step),
      inverseLearningRate: options.inverseLearningRate * decayAt(optimiser, step),
      meanCorrection,
      squareCorrection,
    };
    return Object.fromEntries(
      Object.entries(values).map(([name, x]) => [name, { shape: [], data: Float32Array.of(x) }]),
    );
  };
  const session: Session = {
    state: freshState(design, options.initial),
    async prepare(program) {
      const ready = await (await engine).prepare(program);
      compiled.push(ready);
      return ready;
    },
    run(graph, given) {
      const { step, vectors } = session.state;
      const all: Record<string, HostTensor> = { ...rates(step), ...given };
      for (const [name, data] of Object.entries(vectors))
        all[name] = { shape: [data.length], data };
      const asked = Object.entries(all).filter(([name]) => name in graph.inputs);
      return graph.run(Object.fromEntries(asked));
    },
    advance(outputs) {
      const { step, vectors } = session.state;
      const next = Object.keys(vectors).map(
        (name) => [name, floats(outputs, `next.${name}`)] as const,
      );
      session.state = { step: step + 1, vectors: Object.fromEntries(next) };
    },
    async release() {
      for (const graph of compiled) await graph.release();
    },
  };
  return session;
}
