import { mean, quantile, standardDeviation, VamoError } from '../core/index.ts';
import {
  type DaySteps,
  type Normaliser,
  STATE_FEATURES,
  type TaskSpec,
} from '../contracts/index.ts';
import { logAlphas, stepMask } from './alphas.ts';
import { fitLabelScale } from './labels.ts';
import { marketChannels, marketSeries, trafficShare } from './market-series.ts';
import { logFeatures, stateMatrix } from './states.ts';

export interface NormaliserInputs {
  /** The training days, and no other. */
  readonly days: readonly DaySteps[];
  readonly tasks: readonly TaskSpec[];
  /** Per task id, e of its training trajectories (`returnEfficiency`). */
  readonly efficiencies: Readonly<Record<string, readonly number[]>>;
  /** Currency; a campaign with less cannot bid. */
  readonly minRemaining: number;
  /** y*, the return asked for in service. */
  readonly askedReturn?: number;
}

/** Mean and population sd of each column of row-major matrices, in two passes. */
function columnMoments(
  matrices: readonly Float32Array[],
  width: number,
): { mean: number[]; sd: number[] } {
  const rows = matrices.reduce((n, m) => n + m.length / width, 0);
  const average = (term: (x: number, column: number) => number): number[] => {
    const totals = new Float64Array(width);
    for (const m of matrices)
      for (let i = 0; i < m.length; i++)
        totals[i % width] = (totals[i % width] ?? 0) + term(m[i] ?? 0, i % width);
    return [...totals].map((total) => total / rows);
  };
  const means = average((x) => x);
  const variances = average((x, j) => (x - (means[j] ?? 0)) ** 2);
  return { mean: means, sd: variances.map(Math.sqrt) };
}

function taskScale(inputs: NormaliserInputs, task: TaskSpec): Normaliser['tasks'][number] {
  const alphas = inputs.days.flatMap((day) =>
    day.campaigns
      .filter((c) => c.task === task.id)
      .flatMap((c) => {
        const mask = stepMask(c, inputs.minRemaining);
        return [...logAlphas(c).values].filter((_, t) => mask[t] === 1);
      }),
  );
  const efficiencies = inputs.efficiencies[task.id] ?? [];
  if (alphas.length === 0 || efficiencies.length === 0)
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
    logAlphaMean: mean(alphas),
    // Campaigns that all bid one constant have no spread; 1 keeps the scale finite.
    logAlphaSd: standardDeviation(alphas) || 1,
    alphaLow: Math.exp(quantile(alphas, 0.001)),
    alphaHigh: Math.exp(quantile(alphas, 0.999)),
    askedReturn: inputs.askedReturn ?? 1,
  };
}

/**
 * Everything that turns raw features into the graph's inputs, from the training days alone.
 * @throws VamoError TRAIN_EMPTY_TASK when a configured task has nothing to learn from
 */
export function fitNormaliser(inputs: NormaliserInputs): Normaliser {
  const { days, tasks } = inputs;
  const scales = tasks.map((task) => taskScale(inputs, task));
  const share = trafficShare(days);
  const prices = new Map(tasks.map((task) => [task.id, task.unitPrice]));
  const states = days.flatMap((day) =>
    day.campaigns.flatMap((campaign) => {
      const unitPrice = prices.get(campaign.task);
      if (unitPrice === undefined) return [];
      return [logFeatures(stateMatrix(campaign, { trafficShare: share, unitPrice }))];
    }),
  );
  const state = columnMoments(states, STATE_FEATURES);
  const market = columnMoments(
    days.map((day) => marketSeries(day, tasks)),
    marketChannels(tasks),
  );
  return {
    schema: 'normaliser/v1',
    stateMean: state.mean,
    stateSd: state.sd,
    marketMean: market.mean,
    marketSd: market.sd,
    trafficShare: [...share],
    tasks: scales,
  };
}
