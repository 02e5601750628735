import { VamoError } from '../../core/index.ts';
import { requireGains } from '../step/look.ts';
import type { GainsSettings } from '../step/sight.ts';
import { createWeighting, type Weighting, type WeightingMethod } from '../weighting/index.ts';

/** The part of the training settings that says how tasks are weighted. */
export interface MethodSettings extends GainsSettings {
  readonly method: string;
  readonly methodOptions: Readonly<Record<string, unknown>>;
  /** The method itself, where it is not a built-in one. */
  readonly ownMethod?: WeightingMethod | undefined;
}

function withGains(weighting: Weighting, gains: GainsSettings): Weighting {
  requireGains(weighting, gains);
  return weighting;
}

/**
 * The weighting of a model of all tasks.
 * @throws VamoError WEIGHTING_INVALID for an unknown method or a bad option, CONFIG_INVALID when
 *   `gains` or `gainsEvery` gives less than the method needs
 */
export function jointWeighting(training: MethodSettings, tasks: number): Weighting {
  const { method, ownMethod, methodOptions } = training;
  return withGains(createWeighting(ownMethod ?? method, tasks, methodOptions), training);
}

/** The weightings of single-task models, one a task. @throws VamoError as `jointWeighting` */
export function separateWeightings(training: MethodSettings, tasks: number): Weighting[] {
  const { methodOptions } = training;
  if ('mainTask' in methodOptions)
    throw new VamoError(
      'WEIGHTING_INVALID',
      `stl.mainTask: ${JSON.stringify(methodOptions['mainTask'])}; every task gets a model`,
      { mend: 'Leave the option out.' },
    );
  return Array.from({ length: tasks }, (_, mainTask) =>
    withGains(createWeighting('stl', tasks, { ...methodOptions, mainTask }), training),
  );
}

/** Refuses what training would refuse. @throws VamoError as `jointWeighting` */
export function checkWeighting(training: MethodSettings, tasks: number): void {
  if (training.method === 'stl') separateWeightings(training, tasks);
  else jointWeighting(training, tasks);
}
