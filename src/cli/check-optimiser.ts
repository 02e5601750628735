import { type Config, loadConfig } from '../config/index.ts';
import { VamoError } from '../core/index.ts';

const OF_ADAM = ['beta1', 'beta2', 'epsilon'] as const;

/**
 * Refuses Adam's options where nothing is learned by Adam: with plain descent, in a model without
 * inverse dynamics, which have an Adam of their own. Values as in the defaults are let pass.
 * @throws VamoError CONFIG_INVALID
 */
export async function checkOptimiser({
  model,
  training: { optimiser },
}: Pick<Config, 'model' | 'training'>): Promise<void> {
  if (optimiser.kind === 'adam' || model.policyHead === 'inverse') return;
  const usual = (await loadConfig()).training.optimiser;
  const key = OF_ADAM.find((name) => optimiser[name] !== usual[name]);
  if (key === undefined) return;
  throw new VamoError(
    'CONFIG_INVALID',
    `training.optimiser.${key}: ${optimiser[key]}; without effect with kind "sgd"`,
    { mend: `Leave the option out, set it to ${usual[key]}, or use "adam".` },
  );
}
