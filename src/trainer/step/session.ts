import { type EngineKind, VamoError } from '../../core/index.ts';
import {
  type CompiledGraph,
  createEngine,
  type Engine,
  type EngineTensor,
  type HostTensor,
  hostTensorOf,
  isResident,
  type ResidentTensor,
  type TensorProgram,
} from '../../engine/index.ts';
import type { ParameterVectors } from '../../model/index.ts';
import { stateSpecs, type StepDesign } from './tensors.ts';
import { corrections, decayAt, learningRateAt } from './optimiser.ts';

/** EngineTensors in host memory: batches, rates, weights. */
export type Feeds = Readonly<Record<string, HostTensor>>;

/** EngineTensors wherever they lie: what graphs take and give. */
export type EngineTensors = Readonly<Record<string, EngineTensor>>;

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

/** The state in training: its vectors lie where the engine made them, on a GPU in its memory. */
export interface LiveState extends Omit<LearnerState, 'vectors'> {
  readonly vectors: EngineTensors;
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

/** A graph's float output, in host memory. */
export function floats(outputs: EngineTensors, name: string): Float32Array {
  const output = outputs[name];
  if (output && !isResident(output) && output.data instanceof Float32Array) return output.data;
  throw new VamoError('ENGINE_GRAPH', `the step's graph gave no float output "${name}"`);
}

/** A graph's output, wherever it lies. */
export function located(outputs: EngineTensors, name: string): EngineTensor {
  const output = outputs[name];
  if (output) return output;
  throw new VamoError('ENGINE_GRAPH', `the step's graph gave no output "${name}"`);
}

/** A float vector's numbers in host memory: the vector itself, or copied from a GPU. */
export async function read(vector: EngineTensor): Promise<Float32Array> {
  return floats({ vector: await hostTensorOf(vector) }, 'vector');
}

/** Numbers as a float32 vector. */
export function vector(values: ArrayLike<number>): HostTensor {
  const data = values instanceof Float32Array ? values : Float32Array.from(values);
  return { shape: [values.length], data };
}

/** The state of one model in training and the graphs that read and advance it. */
export interface Session {
  state: LiveState;
  /** The state in host memory: what a checkpoint keeps. */
  read(): Promise<LearnerState>;
  load(saved: LearnerState): void;
  /**
   * Runs a graph on the state, the step's rates, and what is given besides or in their place.
   * @param name tells graphs apart; each is prepared when it is first asked for
   * @returns outputs; resident ones live until `sweep`, or longer in the state
   */
  run(name: string, program: () => TensorProgram, given: EngineTensors): Promise<EngineTensors>;
  /** Takes over a step's `next.` outputs. */
  advance(outputs: EngineTensors): void;
  /** Frees what graphs left with the engine and the state does not hold. */
  sweep(): void;
  release(): Promise<void>;
}

const live = ({ vectors, ...rest }: LearnerState): LiveState => ({
  ...rest,
  vectors: Object.fromEntries(Object.entries(vectors).map(([name, x]) => [name, vector(x)])),
});

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
  const made = new Set<ResidentTensor>();
  const dispose = (spared: readonly EngineTensor[]): void => {
    for (const tensor of made) {
      if (spared.includes(tensor)) continue;
      tensor.dispose();
      made.delete(tensor);
    }
  };
  const session: Session = {
    state: live(freshState(design, options.initial)),
    async read() {
      const { vectors, ...rest } = session.state;
      const copies: Record<string, Float32Array> = {};
      for (const [name, at] of Object.entries(vectors)) copies[name] = await read(at);
      return { ...rest, vectors: copies };
    },
    load(saved) {
      session.state = live(saved);
    },
    async run(name, program, given) {
      const graph = await prepared(name, program);
      const { step, vectors } = session.state;
      const rates = ratesAt(design, options.inverseLearningRate, step);
      const all: EngineTensors = { ...rates, ...vectors, ...given };
      const asked = Object.entries(all).filter(([key]) => key in graph.inputs);
      const { host, resident } = await graph.runResident(Object.fromEntries(asked));
      for (const tensor of Object.values(resident)) made.add(tensor);
      return { ...host, ...resident };
    },
    advance(outputs) {
      const { step, vectors } = session.state;
      const next = Object.keys(stateSpecs(design)).map(
        (name) => [name, located(outputs, `next.${name}`)] as const,
      );
      const state = { ...session.state, vectors: { ...vectors, ...Object.fromEntries(next) } };
      session.state = { ...state, step: step + 1 };
    },
    sweep: () => dispose(Object.values(session.state.vectors)),
    async release() {
      dispose([]);
      for (const graph of compiled.values()) await graph.release();
    },
  };
  return session;
}
