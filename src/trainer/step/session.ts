import { type EngineKind, VamoError } from '../../core/index.ts';
import {
  type CompiledGraph,
  createEngine,
  type Engine,
  type HostTensor,
  type TensorProgram,
} from '../../engine/index.ts';
import type { ParameterVectors } from '../../model/index.ts';
import { stateSpecs, type StepDesign } from './tensors.ts';
import { corrections, decayAt, learningRateAt } from './optimiser.ts';

export type Feeds = Readonly<Record<string, HostTensor>>;

/**
 * Flat vectors by the names of `stateSpecs`, after `step` updates; `validation` too where v is kept
 * from step to step.
 */
export interface LearnerState {
  readonly step: number;
  readonly vectors: Readonly<Record<string, Float32Array>>;
  /** The step at which the kept v was taken. */
  readonly validationStep?: number | undefined;
  /** Inner products kept from step to step, where they are not taken anew at each. */
  readonly kept?: KeptProducts | undefined;
}

/** Plain numbers, exact in JSON. */
export interface KeptProducts {
  readonly gram?: readonly number[] | undefined;
  readonly gains: readonly number[];
  readonly validationNormSquared: number;
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
  const data = values instanceof Float32Array ? values : Float32Array.from(values);
  return { shape: [values.length], data };
}

/** The state of one model in training and the graphs that read and advance it. */
export interface Session {
  state: LearnerState;
  /**
   * Runs a graph on the state, the step's rates, and what is given besides or in their place.
   * @param name tells graphs apart; each is prepared when it is first asked for
   */
  run(name: string, program: () => TensorProgram, given: Feeds): Promise<Feeds>;
  /** Takes over a step's `next.` outputs. */
  advance(outputs: Feeds): void;
  release(): Promise<void>;
}

/** Scalars that change from step to step; `metricCorrection` as `metricDiagonal` takes it. */
function ratesAt({ optimiser }: StepDesign, inverseLearningRate: number, step: number): Feeds {
  const [meanCorrection, squareCorrection] = corrections(optimiser, step);
  const scalars = {
    learningRate: learningRateAt(optimiser, step),
    inverseLearningRate: inverseLearningRate * decayAt(optimiser, step),
    meanCorrection,
    squareCorrection,
  };
  return {
    ...Object.fromEntries(
      Object.entries(scalars).map(([name, x]) => [name, { shape: [], data: Float32Array.of(x) }]),
    ),
    metricCorrection: vector(step === 0 ? [1, 0] : [1 - optimiser.beta2 ** step, 1]),
  };
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
  const compiled = new Map<string, CompiledGraph>();
  let engine: Promise<Engine> | undefined;
  const prepared = async (name: string, program: () => TensorProgram): Promise<CompiledGraph> => {
    const known = compiled.get(name);
    if (known) return known;
    engine ??= createEngine(options.engine ?? 'cpu', { threads: options.threads });
    const ready = await (await engine).prepare(program());
    compiled.set(name, ready);
    return ready;
  };
  const session: Session = {
    state: freshState(design, options.initial),
    async run(name, program, given) {
      const graph = await prepared(name, program);
      const { step, vectors } = session.state;
      const all: Record<string, HostTensor> = ratesAt(design, options.inverseLearningRate, step);
      for (const [key, data] of Object.entries(vectors)) all[key] = vector(data);
      Object.assign(all, given);
      const asked = Object.entries(all).filter(([key]) => key in graph.inputs);
      return graph.run(Object.fromEntries(asked));
    },
    advance(outputs) {
      const { step, vectors } = session.state;
      const next = Object.keys(stateSpecs(design)).map(
        (name) => [name, floats(outputs, `next.${name}`)] as const,
      );
      const state = { ...session.state, vectors: { ...vectors, ...Object.fromEntries(next) } };
      session.state = { ...state, step: step + 1 };
    },
    async release() {
      for (const graph of compiled.values()) await graph.release();
    },
  };
  return session;
}
