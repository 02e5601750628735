import type { Config } from '../config/index.ts';
import { didYouMean, isVamoError, VamoError } from '../core/index.ts';
import {
  checkWeighting,
  loadMethodFile,
  type WeightingMethod,
  weightingMethods,
} from '../trainer/index.ts';
import { checkOptimiser } from './check-optimiser.ts';

/** What of the method was given on the command line: a bad value there is bad usage. */
export interface GivenMethod {
  readonly method?: string | undefined;
  readonly methodOptions?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * Checks the weighting method, its options, how it is to find its gains, and the optimiser's options,
 * before long work begins.
 * Only here are both the configuration and the methods known.
 * @returns the method
 * @throws VamoError CONFIG_INVALID naming the key, its value and what is allowed; USAGE where the value
 *   was given on the command line
 */
export async function checkMethod(
  config: Pick<Config, 'tasks' | 'training' | 'model'>,
  given: GivenMethod = {},
): Promise<WeightingMethod> {
  await checkOptimiser(config);
  const { tasks, training } = config;
  const { method: name, methodFile } = training;
  const ownMethod = methodFile === null ? undefined : await loadMethodFile(methodFile, { name });
  const method = ownMethod ?? weightingMethods.get(name);
  if (method === undefined) throw unknownMethod(name, given);
  try {
    checkWeighting({ ...training, ownMethod }, tasks.length);
  } catch (error) {
    if (!isVamoError(error, 'WEIGHTING_INVALID')) throw error;
    throw ofConfiguration(error, given);
  }
  return method;
}

/** A method of one's own that is not one is the file's fault, not its options'. */
function ofConfiguration(error: VamoError, { methodOptions }: GivenMethod): VamoError {
  const { message, mend, details } = error;
  const told = (code: 'CONFIG_INVALID' | 'USAGE', key: string): VamoError =>
    new VamoError(code, `${key}: ${message}`, { mend, cause: error });
  if (details['file'] !== undefined) return told('CONFIG_INVALID', 'training.methodFile');
  return methodOptions === undefined
    ? told('CONFIG_INVALID', 'training.methodOptions')
    : told('USAGE', '--method-options');
}

function unknownMethod(name: string, { method }: GivenMethod): VamoError {
  const names = [...weightingMethods.keys()];
  const key = method === undefined ? 'training.method' : '--method';
  return new VamoError(
    method === undefined ? 'CONFIG_INVALID' : 'USAGE',
    `${key}: "${name}"${didYouMean(name, names)}; must be one of ${names.join(', ')}`,
    {
      mend: 'A method of your own needs `training.methodFile`; `vamo methods` tells of the others.',
    },
  );
}
