import type { EngineTensor } from '../../engine/index.ts';
import type { Weighting } from '../weighting/index.ts';
import type { GradientProducts, TaskGradients } from './inner-products.ts';
import { taskGradientsProgram, weightedGradientProgram } from './gradient-graphs.ts';
import { lossProgram } from './loss-graphs.ts';
import { type Look, sumProducts } from './products.ts';
import {
  type Feeds,
  floats,
  located,
  read,
  type Session,
  type EngineTensors,
  vector,
} from './session.ts';
import type { StepDesign } from './tensors.ts';
import { fusedStepProgram, updateProgram } from './update-graphs.ts';

/** A gradient over the whole generator, where the engine has it, and the K losses it was taken at. */
export interface LossGradient {
  readonly losses: Float64Array;
  readonly gradient: EngineTensor;
}

/** `TaskGradients` where the engine has them, for the rest of the step. */
export interface LiveGradients {
  readonly shared: readonly EngineTensor[];
  readonly heads: readonly EngineTensor[];
  readonly validation?: EngineTensor | undefined;
}

/** Task gradients, with the inner products that were asked for and the v they were taken with. */
interface GradientsFound {
  readonly losses: Float64Array;
  readonly rows: LiveGradients;
  readonly products: GradientProducts | null;
}

/** An update that was made: the losses before it, and the graph's outputs to advance by. */
interface UpdateFound {
  readonly inverseLoss: number;
  readonly outputs: EngineTensors;
}

/** What the graphs of a step compute, each a pass or two over a batch. `at`: other parameters. */
export interface Passes {
  /** One forward pass. */
  losses(batch: Feeds, at?: Float32Array): Promise<Float64Array>;
  /** Gradient of sum_k weights_k L_k: one forward, one backward pass. */
  gradient(batch: Feeds, weights: Float64Array, at?: Float32Array): Promise<LossGradient>;
  /** K gradients from one forward and one backward pass over the batch. */
  taskGradients(
    batch: Feeds,
    look?: Look | null,
    validation?: EngineTensor,
  ): Promise<GradientsFound>;
  /** The whole step in one graph. */
  fused(
    batch: Feeds,
    weights: Float64Array,
    headWeights: Float64Array,
  ): Promise<UpdateFound & { readonly losses: Float64Array }>;
  /** The update from task gradients. */
  update(
    batch: Feeds,
    rows: LiveGradients,
    trunk: { readonly weights: Float64Array; readonly direction?: ArrayLike<number> | undefined },
    headWeights: Float64Array,
  ): Promise<UpdateFound>;
}

/** Task gradients in host memory, for methods that look at their elements. */
export async function readGradients({
  shared,
  heads,
  validation,
}: LiveGradients): Promise<TaskGradients> {
  return {
    shared: await Promise.all(shared.map(read)),
    heads: await Promise.all(heads.map(read)),
    ...(validation && { validation: await read(validation) }),
  };
}

const daysOf = (batch: Feeds): number => batch['market']?.shape[0] ?? 0;
const parameters = (at: Float32Array | undefined): Feeds => (at ? { generator: vector(at) } : {});
const lossesIn = (outputs: EngineTensors): Float64Array =>
  Float64Array.from(floats(outputs, 'losses'));
const updated = (outputs: EngineTensors): UpdateFound => ({
  outputs,
  inverseLoss: floats(outputs, 'inverseLoss')[0] ?? 0,
});

/** The passes of one learner over its session. */
export function createPasses(
  design: StepDesign,
  session: Session,
  headPolicy: Weighting['headPolicy'],
): Passes {
  const tasks = Array.from({ length: design.io.tasks }, (_, k) => k);
  return {
    async losses(batch, at) {
      const days = daysOf(batch);
      const traced = () => lossProgram(design, days);
      return lossesIn(await session.run(`losses ${days}`, traced, { ...batch, ...parameters(at) }));
    },
    async gradient(batch, weights, at) {
      const days = daysOf(batch);
      const outputs = await session.run(
        `gradient ${days}`,
        () => weightedGradientProgram(design, days),
        { ...batch, ...parameters(at), weights: vector(weights) },
      );
      return { losses: lossesIn(outputs), gradient: located(outputs, 'gradient') };
    },
    async taskGradients(batch, look = null, validation) {
      const days = daysOf(batch);
      const outputs = await session.run(
        `task gradients ${days} ${look ? 'and products' : ''}`,
        () => taskGradientsProgram(design, days, look),
        { ...batch, ...(validation && { validation }) },
      );
      const own = look?.validation === 'train' ? located(outputs, 'validation') : validation;
      return {
        losses: lossesIn(outputs),
        rows: {
          shared: tasks.map((k) => located(outputs, `shared.${k}`)),
          heads: tasks.map((k) => located(outputs, `head.${k}`)),
          ...(own && { validation: own }),
        },
        products: look && sumProducts(outputs, tasks.length, look.validation !== 'none'),
      };
    },
    async fused(batch, weights, headWeights) {
      const days = daysOf(batch);
      const outputs = await session.run(
        `fused ${days}`,
        () => fusedStepProgram(design, days, headPolicy),
        { ...batch, weights: vector(weights), headWeights: vector(headWeights) },
      );
      return { ...updated(outputs), losses: lossesIn(outputs) };
    },
    async update(batch, rows, { weights, direction }, headWeights) {
      const by = direction ? 'direction' : 'weights';
      const outputs = await session.run(`update by ${by}`, () => updateProgram(design, by), {
        ...batch,
        ...Object.fromEntries(
          tasks.flatMap((k) => [
            [`shared.${k}`, rows.shared[k] ?? vector([])],
            [`head.${k}`, rows.heads[k] ?? vector([])],
          ]),
        ),
        weights: vector(weights),
        headWeights: vector(headWeights),
        ...(direction && { direction: vector(direction) }),
      });
      return updated(outputs);
    },
  };
}
