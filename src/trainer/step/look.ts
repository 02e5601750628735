import { VamoError } from '../../core/index.ts';
import type { Need, Weighting } from '../weighting/index.ts';
import { gainsByDifference } from './difference.ts';
import { validationGradient } from './held-out.ts';
import { crossProducts } from './inner-products.ts';
import { lookByRows } from './look-by-rows.ts';
import { readGradients } from './passes.ts';
import { type Feeds, type KeptProducts, read } from './session.ts';
import {
  type Batches,
  type GainsSettings,
  innerProductOf,
  type LookOptions,
  type Sight,
  thetaOf,
} from './sight.ts';

/** Needs that only task gradients meet. */
const BY_ROWS: readonly Need[] = [
  'gram',
  'norms',
  'validation',
  'gradients',
  'virtualStep',
  'hypergradient',
  'lookahead',
];
/** Needs that can be met by what an earlier step saw, or without task gradients. */
const KEEPABLE: readonly Need[] = ['losses', 'newLosses', 'gram', 'validation'];
const WITHOUT_ROWS: readonly Need[] = ['losses', 'newLosses', 'validation'];

/**
 * Refuses a cheap way to the gains for a method that needs more than it gives.
 * @throws VamoError CONFIG_INVALID naming the key, the method, its needs and the mend
 */
export function requireGains(
  { name = 'the weighting method', needs }: Weighting,
  { gains, gainsEvery }: GainsSettings,
): void {
  const refuse = (key: string, allowed: readonly Need[], mend: string): void => {
    const more = [...needs].filter((need) => !allowed.includes(need));
    if (more.length === 0 && needs.has('validation')) return;
    const why = more.length > 0 ? `needs ${more.join(', ')}` : 'takes no validation gains';
    throw new VamoError('CONFIG_INVALID', `training.${key}: ${name} ${why}`, {
      mend,
    });
  };
  if (gains === 'difference')
    refuse(
      'gains: difference',
      WITHOUT_ROWS,
      'Use `exact`; or, with vamo, `normalise` none, valnorm or meanabs: differences give no norms.',
    );
  if (gainsEvery > 1)
    refuse(`gainsEvery: ${gainsEvery}`, KEEPABLE, 'Use 1: the method looks at every step.');
}

/** What the method asks for, and nothing else, before the weights of a step. */
export async function look(options: LookOptions, batch: Feeds, batches: Batches): Promise<Sight> {
  const { weighting, session, passes, gains } = options;
  const { needs } = weighting;
  const { step, kept } = session.state;
  if (kept && step % gains.gainsEvery !== 0) return fromKept(options, batch, kept);
  let sight: Sight;
  if (gains.gains === 'difference') sight = await lookByDifference(options, batch, batches);
  else if (BY_ROWS.some((need) => needs.has(need)))
    sight = await lookByRows(options, batch, batches.validation);
  else
    sight = {
      input: needs.has('losses') ? { losses: await passes.losses(batch) } : {},
      rows: null,
      products: null,
      held: null,
    };
  if (gains.gainsEvery > 1) keep(options, sight);
  if (!needs.has('crossGram')) return sight;
  const crossGram = await crossGramOf(options, batches);
  return { ...sight, input: { ...sight.input, crossGram } };
}

/** Inner products between the task gradients of two further batches. */
async function crossGramOf(options: LookOptions, batches: Batches): Promise<Float64Array> {
  const second = await options.passes.taskGradients(batches.train());
  const third = await options.passes.taskGradients(batches.train());
  return crossProducts(
    await readGradients(second.rows),
    await readGradients(third.rows),
    await innerProductOf(options),
  );
}

/** v, then the gains from losses along it. */
async function lookByDifference(
  options: LookOptions,
  batch: Feeds,
  batches: Batches,
): Promise<Sight> {
  const { weighting, session, passes, design } = options;
  const ofOwnBatch = weighting.validationSignal === 'train';
  const v = await validationGradient(options, ofOwnBatch ? () => batch : batches.validation);
  const found = await gainsByDifference(
    passes,
    await thetaOf(session),
    batch,
    await read(v.vector),
    { plan: design.plan, tasks: design.io.tasks },
    await innerProductOf(options),
  );
  const losses = weighting.needs.has('losses') ? { losses: await passes.losses(batch) } : {};
  return {
    input: { ...losses, ...found },
    rows: null,
    products: null,
    held: ofOwnBatch ? null : v.held,
  };
}

function keep({ session }: LookOptions, { input }: Sight): void {
  const { gram, gains = [], validationNormSquared = 0 } = input;
  const kept = { ...(gram && { gram: [...gram] }), gains: [...gains], validationNormSquared };
  session.state = { ...session.state, kept };
}

/** The inner products of an earlier step: this one costs what a step without looking costs. */
async function fromKept(
  { weighting, passes }: LookOptions,
  batch: Feeds,
  { gram, gains, validationNormSquared }: KeptProducts,
): Promise<Sight> {
  const losses = weighting.needs.has('losses') ? { losses: await passes.losses(batch) } : {};
  return {
    input: {
      ...losses,
      ...(gram && { gram: Float64Array.from(gram) }),
      gains: Float64Array.from(gains),
      validationNormSquared,
    },
    rows: null,
    products: null,
    held: null,
  };
}
