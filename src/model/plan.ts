import { seededRandom } from '../core/index.ts';
import {
  type Draft,
  type Parameter,
  type Scope,
  layerNormDrafts as layerNorm,
  linearDrafts as linear,
  normal,
  shared as sharedDraft,
} from './draft.ts';
import { expertDrafts, gateDrafts } from './experts.ts';
import type { ModelIo, ModelSettings } from './settings.ts';
import { temporalDrafts } from './temporal/plan.ts';

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

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

function encoder({ hidden, layers, feedForward }: ModelSettings, io: ModelIo): Draft[] {
  const blocks = Array.from({ length: layers }, (_, i) => [
    ...layerNorm(`layers.${i}.ln1`, hidden),
    ...linear('shared', `layers.${i}.qkv`, 3 * hidden, hidden),
    ...linear('shared', `layers.${i}.out`, hidden, hidden),
    ...layerNorm(`layers.${i}.ln2`, hidden),
    ...linear('shared', `layers.${i}.fc1`, feedForward, hidden),
    ...linear('shared', `layers.${i}.fc2`, hidden, feedForward),
  ]);
  const position = sharedDraft('pos', [io.steps, hidden], normal(0.02));
  return [
    ...linear('shared', 'embed', hidden, io.features),
    position,
    ...blocks.flat(),
    ...layerNorm('norm', hidden),
  ];
}

function head(settings: ModelSettings, io: ModelIo, task: number): Draft[] {
  const { hidden, labelEmbedding, headHidden, policyHead, guidance, experts } = settings;
  const name = `heads.${task}`;
  return [
    ...linear(task, `${name}.y1`, labelEmbedding, 1),
    ...linear(task, `${name}.y2`, labelEmbedding, labelEmbedding),
    ...linear(task, `${name}.fc1`, headHidden, hidden + labelEmbedding),
    ...linear(task, `${name}.fc2`, 2 * io.features, headHidden),
    ...(policyHead === 'action' ? linear(task, `${name}.action`, 1, headHidden) : []),
    ...(guidance ? [withoutLabel(settings, name, task)] : []),
    ...(experts ? gateDrafts(experts, hidden, task, name) : []),
  ];
}

/** What stands in the label's place where it is withheld. */
function withoutLabel({ labelEmbedding }: ModelSettings, name: string, scope: Scope): Draft {
  return { name: `${name}.unlabelled`, shape: [labelEmbedding], scope, init: normal(0.02) };
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
  const { experts, hidden } = settings;
  const temporal = temporalDrafts(settings, io);
  const shared = [
    ...temporal,
    ...encoder(settings, io),
    ...(experts ? expertDrafts(experts, hidden) : []),
  ];
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
  const temporal = parameters.findIndex(({ name }) => !name.startsWith('temporal.'));
  parameters.forEach(({ init, offset, size: length }, index) => {
    // A stream a tensor, the temporal module's apart: the same model without it starts alike.
    const random = seededRandom(...key, ...(index < temporal ? [index, 1] : [index - temporal]));
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
