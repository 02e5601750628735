/** One step of one bidder as AuctionNet logs it: parallel columns over the step's impressions. */
interface LoggedStep {
  readonly pValue: readonly number[];
  readonly bid: readonly number[];
  readonly xi: readonly number[];
  readonly cost: readonly number[];
  readonly isExposed: readonly number[];
  readonly conversionAction: readonly number[];
  readonly leastWinningCost: readonly number[];
}

export interface LoggedPeriod {
  /** Steps in a day: 48 in AuctionNet. */
  readonly horizon: number;
  readonly firstStep: number;
  readonly budget: number;
  readonly steps: readonly LoggedStep[];
  readonly remainingBeforeStep: readonly number[];
  readonly isEnd: readonly number[];
}

export interface PeriodRow {
  /**
   * 16 features: time left, budget left, means over all and over the last three step means, and at
   * 12 and 13 the *current* step's mean value and volume, which a live bidder does not know.
   */
  readonly state: readonly number[];
  readonly action: number;
  readonly reward: number;
  readonly rewardContinuous: number;
  readonly done: boolean;
}

const total = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);
const mean = (xs: readonly number[]): number => (xs.length === 0 ? 0 : total(xs) / xs.length);
const dot = (xs: readonly number[], ys: readonly number[]): number =>
  total(xs.map((x, i) => x * (ys[i] ?? 0)));

/** AuctionNet's training trajectory of one bidder and period; paper's data set, not our states. */
export function auctionNetTrajectory(period: LoggedPeriod): PeriodRow[] {
  const { horizon, firstStep, budget, steps } = period;
  const meansOf = (column: keyof LoggedStep): number[] => steps.map((s) => mean(s[column]));
  const means = {
    bid: meansOf('bid'),
    lwc: meansOf('leastWinningCost'),
    pValue: meansOf('pValue'),
    conversions: meansOf('conversionAction'),
    xi: meansOf('xi'),
  };
  const volume = steps.map((s) => s.pValue.length);
  return steps.map((step, i) => {
    const all = (xs: readonly number[]): number => mean(xs.slice(0, i));
    const last = (xs: readonly number[]): number => mean(xs.slice(Math.max(0, i - 3), i));
    const values = total(step.pValue);
    const time = firstStep + i;
    const { bid, lwc, pValue, conversions, xi } = means;
    return {
      state: [
        (horizon - time) / horizon,
        (period.remainingBeforeStep[i] ?? 0) / budget,
        all(bid),
        last(bid),
        ...[lwc, pValue, conversions, xi].map(all),
        ...[lwc, pValue, conversions, xi].map(last),
        pValue[i] ?? 0,
        volume[i] ?? 0,
        total(volume.slice(Math.max(0, i - 3), i)),
        total(volume.slice(0, i)),
      ],
      action: values === 0 ? 0 : total(step.bid) / values,
      reward: dot(step.conversionAction, step.isExposed),
      rewardContinuous: dot(step.pValue, step.isExposed),
      done: time === horizon - 1 || (period.isEnd[i] ?? 0) === 1,
    };
  });
}
