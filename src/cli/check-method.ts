import type { Config } from '../config/index.ts';
import { isVamoError, VamoError } from '../core/index.ts';
import { createWeighting, loadMethodFile, weightingMethods } from '../trainer/index.ts';

/**
 * Checks the weighting method and its options before long work begins. Only here are both the
 * configuration and the methods known.
 * @throws VamoError CONFIG_INVALID naming the key, its value and what is allowed
 */
export async function checkMethod({ tasks, training }: Config): Promise<void> {
  const { method: name, methodFile, methodOptions } = training;
  const method =
    methodFile === null ? weightingMethods.get(name) : await loadMethodFile(methodFile, { name });
  if (method === undefined)
    throw new VamoError(
      'CONFIG_INVALID',
      `training.method: "${name}"; must be one of ${[...weightingMethods.keys()].join(', ')}`,
    );
  try {
    createWeighting(method, tasks.length, methodOptions);
  } catch (error) {
    if (!isVamoError(error, 'WEIGHTING_INVALID')) throw error;
    throw new VamoError('CONFIG_INVALID', `training.methodOptions: ${error.message}`, {
      cause: error,
    });
  }
}
