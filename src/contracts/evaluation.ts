import { z } from 'zod';
import type { Interval } from '../core/index.ts';

/** A policy's result for one campaign of the test day. Returns in units of the task's reward. */
const campaignResult = z.strictObject({
  campaignId: z.string(),
  task: z.string(),
  /** Sum of predicted values over exposed wins. */
  return: z.number(),
  /** Attributed reward is known for logged bids only; null elsewhere. */
  realised: z.number().nullable(),
  cost: z.number(),
  /** The largest in force during the day: a budget cut below what is spent breaks no promise. */
  budget: z.number(),
  wins: z.int(),
});
export type CampaignResult = z.infer<typeof campaignResult>;

/**
 * What a version earned on a sealed test day by replay, beside the anchors, by campaign so that
 * two documents can be paired. Policies: `candidate`, `initial` (the untrained weights),
 * `logged`, `pid`, `bangbang`, `yesterday` (yesterday's best constant), `hindsight`, `y=0`...
 */
export const evaluationDocument = z.strictObject({
  schema: z.literal('evaluation/v1'),
  /** Digest or version of what was evaluated. */
  subject: z.string(),
  day: z.string(),
  partitionDigest: z.string(),
  /** By policy name, in a fixed order of campaigns. */
  policies: z.record(z.string(), z.array(campaignResult)),
  /** Likelihood loss per task on the splits. */
  losses: z.record(z.string(), z.record(z.string(), z.number())),
  /** Configured tasks that the version does not know: their campaigns are left out. Absent: none. */
  unknownTasks: z.array(z.string()).optional(),
});
export type EvaluationDocument = z.infer<typeof evaluationDocument>;

export interface GateDecision {
  readonly outcome: 'pass' | 'hold' | 'fail';
  readonly reasons: readonly string[];
  /** Per task: paired ratio to the reference and its interval. */
  readonly tasks: Readonly<
    Record<string, { readonly reference: string; readonly ratio: Interval }>
  >;
  readonly overridden: { readonly actor: string; readonly reason: string } | null;
}
