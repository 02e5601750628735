import type { GradientRows, Need } from '../weighting/method.ts';
import { validationGradient } from './held-out.ts';
import { type TaskGradients, wholeNorms } from './inner-products.ts';
import { learningRateAt } from './optimiser.ts';
import type { Look } from './products.ts';
import { hyperGains, lookahead, type Situation, virtualGains } from './second-looks.ts';
import { readGradients } from './passes.ts';
import { type Feeds, read } from './session.ts';
import { equal, innerProductOf, type LookOptions, type Sight, thetaOf } from './sight.ts';
import type { StepDesign } from './tensors.ts';

const BEYOND: readonly Need[] = ['virtualStep', 'hypergradient', 'lookahead'];

/** The products that the graph of the task gradients computes for a method. */
function lookOf({ design, weighting }: LookOptions): Look | null {
  const { needs, scope, metric, validationSignal = 'heldout' } = weighting;
  if (!needs.has('gram') && !needs.has('validation')) return null;
  return {
    scope,
    metric: design.optimiser.kind === 'adam' ? metric : 'euclid',
    validation: needs.has('validation') ? validationSignal : 'none',
  };
}

function gradientRows({ plan }: StepDesign, { shared }: TaskGradients): GradientRows {
  const tensors = plan.generator.filter(({ scope }) => scope === 'shared');
  return { shared, tensorSizes: tensors.map(({ size }) => size) };
}

/** Everything that is made of task gradients; v on the held-out day's batch or the step's own. */
export async function lookByRows(
  options: LookOptions,
  batch: Feeds,
  drawHeld: () => Feeds,
): Promise<Sight> {
  const { weighting, passes, session, design } = options;
  const { needs, validationSignal = 'heldout' } = weighting;
  const ofOwnBatch = validationSignal === 'train';
  const target = ofOwnBatch ? () => batch : drawHeld;
  const wantsV = needs.has('hypergradient') || (needs.has('validation') && !ofOwnBatch);
  const v = wantsV ? await validationGradient(options, target) : null;
  const found = await passes.taskGradients(batch, lookOf(options), v?.vector);
  const { losses, rows, products } = found;
  const beyond = BEYOND.some((need) => needs.has(need))
    ? await lookBeyond(options, v, {
        passes,
        theta: await thetaOf(session),
        batch,
        target,
        rows: await readGradients(rows),
        product: await innerProductOf(options),
        learningRate: learningRateAt(design.optimiser, session.state.step),
      })
    : {};
  return {
    input: {
      losses,
      ...(needs.has('norms') && { norms: wholeNorms(await readGradients(rows)) }),
      ...(needs.has('gradients') && { gradients: gradientRows(design, await readGradients(rows)) }),
      ...(products && { gram: products.gram }),
      ...(products && needs.has('validation') && products),
      ...beyond,
    },
    rows,
    products,
    held: ofOwnBatch ? null : (v?.held ?? null),
  };
}

/** What methods ask for beyond first order at theta. */
async function lookBeyond(
  { weighting, design }: LookOptions,
  v: Awaited<ReturnType<typeof validationGradient>> | null,
  situation: Situation,
): Promise<Partial<Sight['input']>> {
  const { needs, neumann = { rate: 0, terms: 0 } } = weighting;
  const { virtualRate = situation.learningRate } = weighting;
  const current = weighting.current?.() ?? equal(design.io.tasks);
  return {
    ...(needs.has('virtualStep') && {
      virtualGains: await virtualGains(situation, current, virtualRate),
    }),
    ...(needs.has('hypergradient') &&
      v && { hyperGains: await hyperGains(situation, await read(v.vector), current, neumann) }),
    ...(needs.has('lookahead') && { lookahead: await lookahead(situation, v?.held?.v.losses) }),
  };
}
