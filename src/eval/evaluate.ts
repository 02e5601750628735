import { type Progress, throwIfAborted, VamoError } from '../core/index.ts';
import type { CampaignResult, EvaluationDocument, TaskSpec } from '../contracts/index.ts';
import { bestConstant, bestConstantPolicy } from './best-constant.ts';
import { type Market, playDay, type Policy } from './market.ts';

export interface EvaluationInputs {
  /** Digest or version of what is evaluated. */
  readonly subject: string;
  readonly day: string;
  readonly partitionDigest: string;
  /** The test day; every policy plays the same one. */
  readonly market: Market;
  readonly policies: readonly Policy[];
  readonly tasks: readonly TaskSpec[];
  /** Likelihood loss per split and task. */
  readonly losses: EvaluationDocument['losses'];
  readonly signal?: AbortSignal;
  readonly progress?: Progress;
}

/**
 * Plays every policy over the test day, and the best constants in hindsight after them.
 * @throws VamoError USAGE when two policies share a name; INTERRUPTED
 */
export async function evaluate(inputs: EvaluationInputs): Promise<EvaluationDocument> {
  const { market, tasks, signal, progress } = inputs;
  const results: Record<string, CampaignResult[]> = {};
  const total = inputs.policies.length + 1;
  let played = 0;
  progress?.(played, total);
  const record = async (policy: Policy): Promise<void> => {
    throwIfAborted(signal);
    if (policy.name in results)
      throw new VamoError('USAGE', `two policies are named "${policy.name}"`);
    results[policy.name] = await playDay(market, policy);
    progress?.(++played, total, policy.name);
  };
  for (const policy of inputs.policies) await record(policy);
  const best = bestConstant(market, tasks);
  await record(bestConstantPolicy('hindsight', market.campaigns, best));
  return {
    schema: 'evaluation/v1',
    subject: inputs.subject,
    day: inputs.day,
    partitionDigest: inputs.partitionDigest,
    policies: results,
    losses: inputs.losses,
  };
}
