import type { DayLog, DaySteps } from '../contracts/index.ts';
import { bestConstant, bestConstantPolicy } from './best-constant.ts';
import type { Policy } from './market.ts';
import { bangBangPolicy, loggedPolicy, pidPolicy } from './policies.ts';
import { createReplayMarket, type ReplayRules } from './replay.ts';

/**
 * What every result is printed beside: the logged bids, PID, bang-bang, and yesterday's best
 * constant. The best constant in hindsight comes with `evaluate`.
 * @param trafficShare H_t of the training days, length 97
 */
export function anchorPolicies(options: {
  readonly rules: ReplayRules;
  readonly trafficShare: ArrayLike<number>;
  readonly yesterday: { readonly log: DayLog; readonly steps: DaySteps };
}): Policy[] {
  const { rules, trafficShare, yesterday } = options;
  const { tasks } = rules;
  const market = createReplayMarket(yesterday.log, yesterday.steps, rules);
  return [
    loggedPolicy(),
    pidPolicy({ tasks, trafficShare }),
    bangBangPolicy({ tasks }),
    bestConstantPolicy('yesterday', market.campaigns, bestConstant(market, tasks)),
  ];
}
