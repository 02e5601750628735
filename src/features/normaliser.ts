import { mean, quantile, standardDeviation, VamoError } from '../core/index.ts';
import {
  type CampaignSteps,
  type Normaliser,
  STATE_FEATURES,
  type TaskSpec,
} from '../contracts/index.ts';
import { logAlphas, stepMask } from './alphas.ts';
import { fitLabelScale } from './labels.ts';
import {
  type CampaignsOfDay,
  marketChannels,
  marketSeries,
  trafficShare,
} from './market-series.ts';
import { boundedSample, columnMoments, type Sample } from './moments.ts';
import { logFeatures, stateMatrix } from './states.ts';

export interface NormaliserInputs {
  /** The training days, and no other; their campaigns are gone through twice, one at a time. */
  readonly days: readonly CampaignsOfDay[];
  readonly tasks: readonly TaskSpec[];
  /** Per task id, e of its training trajectories (`returnEfficiency`). */
  readonly efficiencies: Readonly<Record<string, readonly number[]>>;
  /** Currency; a campaign with less cannot bid. */
  readonly minRemaining: number;
  /** y*, the return asked for in service. */
  readonly askedReturn?: number;
}

/** ln alpha of the steps a campaign acted in. */
function addLogAlphas(sample: Sample, campaign: CampaignSteps, minRemaining: number): void {
  const mask = stepMask(campaign, minRemaining);
  logAlphas(campaign).values.forEach((x, t) => {
    if (mask[t] === 1) sample.add(x);
  });
}

function taskScale(
  inputs: NormaliserInputs,
  task: TaskSpec,
  logs: Float64Array,
): Normaliser['tasks'][number] {
  const efficiencies = inputs.efficiencies[task.id] ?? [];
  if (logs.length === 0 || efficiencies.length === 0)
    throw new VamoError(
      'TRAIN_EMPTY_TASK',
      `task "${task.id}" has no step with a bid in the training days`,
      { details: { task: task.id } },
    );
  const { low, high } = fitLabelScale(efficiencies);
  return {
    id: task.id,
    unitPrice: task.unitPrice,
    labelLow: low,
    labelHigh: high,
    logAlphaMean: mean(logs),
    // Campaigns that all bid one constant have no spread; 1 keeps the scale finite.
    logAlphaSd: standardDeviation(logs) || 1,
    alphaLow: Math.exp(quantile(logs, 0.001)),
    alphaHigh: Math.exp(quantile(logs, 0.999)),
    askedReturn: inputs.askedReturn ?? 1,
  };
}

/**
 * Everything that turns raw features into the graph's inputs, from the training days alone.
 * @throws VamoError TRAIN_EMPTY_TASK when a configured task has nothing to learn from
 */
export function fitNormaliser(inputs: NormaliserInputs): Normaliser {
  const { days, tasks, minRemaining } = inputs;
  const share = trafficShare(days);
  const samples = new Map(
    tasks.map(({ id, unitPrice }) => [id, { unitPrice, logs: boundedSample() }]),
  );
  const states = columnMoments(STATE_FEATURES);
  const market = columnMoments(marketChannels(tasks));
  for (const day of days) {
    for (const campaign of day.campaigns) {
      const own = samples.get(campaign.task);
      if (own === undefined) continue;
      addLogAlphas(own.logs, campaign, minRemaining);
      const { unitPrice } = own;
      states.add(logFeatures(stateMatrix(campaign, { trafficShare: share, unitPrice })));
    }
    market.add(marketSeries(day, tasks));
  }
  const scales = tasks.map((task) =>
    taskScale(inputs, task, samples.get(task.id)?.logs.values() ?? new Float64Array()),
  );
  return {
    schema: 'normaliser/v1',
    stateMean: states.mean(),
    stateSd: states.sd(),
    marketMean: market.mean(),
    marketSd: market.sd(),
    trafficShare: [...share],
    tasks: scales,
  };
}
