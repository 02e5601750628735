import { seededRandom } from '../core/index.ts';
import type { ModelIo, ModelSettings } from './settings.ts';

/** Whose gradient reaches a parameter: all tasks, one task, or the inverse dynamics alone. */
export type Scope = 'shared' | 'inverse' | number;

type Init =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'normal'; readonly sd: number }
  | { readonly kind: 'uniform'; readonly bound: number };

/** A named tensor and its place in the flat vector of its group. */
export interface Parameter {
  readonly name: string;
  readonly shape: readonly number[];
  readonly size: number;
  readonly scope: Scope;
  readonly init: Init;
  /** First element in the flat vector: the generator's, or the inverse dynamics' own. */
  readonly offset: number;
}

/**
 * The parameters in a fixed order: shared, head 0, ..., head K - 1 (together the generator, one flat
 * vector), then the inverse dynamics (another). Linear weights are [out, in].
 */
export interface ParameterPlan {
  readonly generator: readonly Parameter[];
  readonly inverse: readonly Parameter[];
  /** Length of the generator's vector. */
  readonly generatorSize: number;
  /** Length of its leading shared part. */
  readonly sharedSize: number;
  /** Length of each task's part; heads are alike. */
  readonly headSize: number;
  readonly inverseSize: number;
}

type Draft = Omit<Parameter, 'offset' | 'size'>;

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Uniform in +-1/sqrt(in), weight and bias alike. */
function linear(scope: Scope, name: string, out: number, inputs: number): Draft[] {
  const init: Init = { kind: 'uniform', bound: 1 / Math.sqrt(inputs) };
  return [
    { name: `${name}.weight`, shape: [out, inputs], scope, init },
    { name: `${name}.bias`, shape: [out], scope, init },
  ];
}

function layerNorm(name: string, width: number): Draft[] {
  return [
    {
      name: `${name}.weight`,
      shape: [width],
      scope: 'shared',
      init: { kind: 'constant', value: 1 },
    },
    { name: `${name}.bias`, shape: [width], scope: 'shared', init: { kind: 'constant', value: 0 } },
  ];
}

function encoder({ hidden, layers, feedForward }: ModelSettings, io: ModelIo): Draft[] {
  const blocks = Array.from({ length: layers }, (_, i) => [
    ...layerNorm(`layers.${i}.ln1`, hidden),
    ...linear('shared', `layers.${i}.qkv`, 3 * hidden, hidden),
    ...linear('shared', `layers.${i}.out`, hidden, hidden),
    ...layerNorm(`layers.${i}.ln2`, hidden),
    ...linear('shared', `layers.${i}.fc1`, feedForward, hidden),
    ...linear('shared', `layers.${i}.fc2`, hidden, feedForward),
  ]);
  const position: Draft = {
    name: 'pos',
    shape: [io.steps, hidden],
    scope: 'shared',
    init: { kind: 'normal', sd: 0.02 },
  };
  return [
    ...linear('shared', 'embed', hidden, io.features),
    position,
    ...blocks.flat(),
    ...layerNorm('norm', hidden),
  ];
}

function head(settings: ModelSettings, io: ModelIo, task: number): Draft[] {
  const { hidden, labelEmbedding, headHidden, policyHead } = settings;
  const name = `heads.${task}`;
  return [
    ...linear(task, `${name}.y1`, labelEmbedding, 1),
    ...linear(task, `${name}.y2`, labelEmbedding, labelEmbedding),
    ...linear(task, `${name}.fc1`, headHidden, hidden + labelEmbedding),
    ...linear(task, `${name}.fc2`, 2 * io.features, headHidden),
    ...(policyHead === 'action' ? linear(task, `${name}.action`, 1, headHidden) : []),
  ];
}

function inverseDynamics({ inverseHidden, policyHead }: ModelSettings, io: ModelIo): Draft[] {
  if (policyHead === 'action') return [];
  return [
    ...linear('inverse', 'inv.0', inverseHidden, 4 * io.features + io.tasks),
    ...linear('inverse', 'inv.2', inverseHidden, inverseHidden),
    ...linear('inverse', 'inv.4', 1, inverseHidden),
  ];
}

function place(drafts: readonly Draft[]): { parameters: Parameter[]; total: number } {
  let total = 0;
  const parameters = drafts.map((draft) => {
    const placed = { ...draft, size: size(draft.shape), offset: total };
    total += placed.size;
    return placed;
  });
  return { parameters, total };
}

/** Every trainable tensor of the model, its scope and its initial distribution. */
export function parameterPlan(settings: ModelSettings, io: ModelIo): ParameterPlan {
  const shared = encoder(settings, io);
  const heads = Array.from({ length: io.tasks }, (_, k) => head(settings, io, k));
  const generator = place([...shared, ...heads.flat()]);
  const inverse = place(inverseDynamics(settings, io));
  return {
    generator: generator.parameters,
    inverse: inverse.parameters,
    generatorSize: generator.total,
    sharedSize: place(shared).total,
    headSize: place(heads[0] ?? []).total,
    inverseSize: inverse.total,
  };
}

/** Values of all parameters: the two flat float32 vectors of a plan. */
export interface ParameterVectors {
  readonly generator: Float32Array;
  readonly inverse: Float32Array;
}

function draw(parameters: readonly Parameter[], total: number, key: number[]): Float32Array {
  const values = new Float32Array(total);
  parameters.forEach(({ init, offset, size: length }, index) => {
    // A stream a tensor: adding one tensor leaves the others' draws as they were.
    const random = seededRandom(...key, index);
    for (let i = offset; i < offset + length; i++) {
      if (init.kind === 'constant') values[i] = init.value;
      else if (init.kind === 'normal') values[i] = init.sd * random.normal();
      else values[i] = init.bound * (2 * random.next() - 1);
    }
  });
  return values;
}

/** Untrained values, a function of plan and seed alone. */
export function initialParameters(plan: ParameterPlan, seed: number): ParameterVectors {
  return {
    generator: draw(plan.generator, plan.generatorSize, [seed, 1]),
    inverse: draw(plan.inverse, plan.inverseSize, [seed, 2]),
  };
}

/** Views of the flat vectors by parameter name, in plan order. No copies. */
export function namedParameters(
  plan: ParameterPlan,
  vectors: ParameterVectors,
): { readonly parameter: Parameter; readonly data: Float32Array }[] {
  const views = (parameters: readonly Parameter[], vector: Float32Array) =>
    parameters.map((parameter) => ({
      parameter,
      data: vector.subarray(parameter.offset, parameter.offset + parameter.size),
    }));
  return [...views(plan.generator, vectors.generator), ...views(plan.inverse, vectors.inverse)];
}
