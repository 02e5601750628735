import type { Config } from '../config/index.ts';
import { isVamoError, VamoError } from '../core/index.ts';
import { loadMethodFile, weightingMethods, checkWeighting } from '../trainer/index.ts';

/**
 * Checks the weighting method, its options and how it is to find its gains before long work begins.
 * Only here are both the configuration and the methods known.
 * @throws VamoError CONFIG_INVALID naming the key, its value and what is allowed
 */
export async function checkMethod({ tasks, training }: Config): Promise<void> {
  const { method: name, methodFile } = training;
  const ownMethod = methodFile === null ? undefined : await loadMethodFile(methodFile, { name });
  if (ownMethod === undefined && !weightingMethods.has(name))
    throw new VamoError(
      'CONFIG_INVALID',
      `training.method: "${name}"; must be one of ${[...weightingMethods.keys()].join(', ')}`,
    );
  try {
    checkWeighting({ ...training, ownMethod }, tasks.length);
  } catch (error) {
    if (!isVamoError(error, 'WEIGHTING_INVALID')) throw error;
    throw new VamoError('CONFIG_INVALID', `training.methodOptions: ${error.message}`, {
      mend: error.mend,
      cause: error,
    });
  }
}
