import type { HostTensor } from '../../engine/index.ts';
import { evaluationProgram, tableProgram } from './loss-graphs.ts';
import { type Feeds, floats, type Session } from './session.ts';
import type { StepDesign } from './tensors.ts';

export interface BatchLosses {
  /** One a task. */
  readonly losses: readonly number[];
  readonly inverse: number;
}

/** Losses of batches at the parameters it was made at. */
export type Evaluator = (batch: Feeds) => Promise<BatchLosses>;

/**
 * Losses of batches that are all from the same days: their z is computed once, here.
 * @param market [D, H, channels] windows of the days; null without a temporal module
 */
export async function createEvaluator(
  design: StepDesign,
  session: Session,
  market: HostTensor | null,
): Promise<Evaluator> {
  const days = market?.shape[0] ?? 0;
  const context =
    market && (await session.run(`table ${days}`, () => tableProgram(design, days), { market }));
  const name = `evaluation ${days} of ${design.counts.join()}`;
  return async (batch) => {
    const outputs = await session.run(name, () => evaluationProgram(design, days), {
      ...batch,
      ...context,
    });
    return {
      losses: [...floats(outputs, 'losses')],
      inverse: floats(outputs, 'inverseLoss')[0] ?? 0,
    };
  };
}
