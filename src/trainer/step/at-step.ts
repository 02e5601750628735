import { isVamoError, VamoError } from '../../core/index.ts';

/**
 * Calls the weighting method.
 * @throws VamoError WEIGHTING_INVALID as the method does, with the step and, where it is about one, the
 *   task
 */
export function atStep<T>(step: number, tasks: readonly string[], call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!isVamoError(error, 'WEIGHTING_INVALID')) throw error;
    const { task } = error.details;
    const of = typeof task === 'number' ? `, task "${tasks[task] ?? task}"` : '';
    throw new VamoError('WEIGHTING_INVALID', `step ${step}${of}: ${error.message}`, {
      mend: error.mend,
      details: { step, ...(typeof task === 'number' && { task: tasks[task] }) },
      cause: error.cause ?? error,
    });
  }
}
