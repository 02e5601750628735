import type { CommonOptions } from './common-schema.ts';
import type { Need, Weighting } from './method.ts';
import { invalid, printed } from './options.ts';

/** Needs that are inner products, which scope and metric are of. */
const PRODUCTS: readonly Need[] = [
  'gram',
  'validation',
  'crossGram',
  'virtualStep',
  'hypergradient',
];

const LEAVE_OUT = 'Leave the option out.';

/**
 * Refuses options of every method that would change nothing with this one, or undo what it does.
 * @param given as the user wrote them: an option at the method's own value is let pass
 * @throws VamoError WEIGHTING_INVALID naming option, value and mend
 */
export function requireEffect(
  name: string,
  given: Partial<CommonOptions>,
  { needs, scope, metric, headPolicy, headScale, positiveLosses, excludes = {} }: Weighting,
): void {
  const refuse = (option: keyof CommonOptions, why: string, mend = LEAVE_OUT): never => {
    throw invalid(`${name}.${option}: ${printed(given[option])}; ${why}`, { mend });
  };
  const isSet = (option: keyof CommonOptions, own: string): boolean =>
    given[option] !== undefined && given[option] !== own;

  if (isSet('totalWeight', 'native') && excludes.totalWeight !== undefined)
    refuse('totalWeight', excludes.totalWeight);
  if (isSet('headPolicy', headPolicy) && excludes.headPolicy !== undefined)
    refuse('headPolicy', excludes.headPolicy);
  if (isSet('scope', scope) && needs.has('gradients'))
    refuse('scope', 'it works on the shared parameters');
  const takesProducts = PRODUCTS.some((need) => needs.has(need));
  if (isSet('scope', scope) && !takesProducts) refuse('scope', 'it takes no inner products');
  if (isSet('metric', metric) && !takesProducts) refuse('metric', 'it takes no inner products');
  if (isSet('headScale', headScale) && (given.headPolicy ?? headPolicy) === 'weighted')
    refuse('headScale', 'its heads are weighted', 'Set `headPolicy` to "unweighted" as well.');
  if (isSet('lossFloor', 'auto') && positiveLosses !== true)
    refuse('lossFloor', 'it takes losses of either sign');
}
