import type { DaySteps, Normaliser, TaskSpec } from '../../contracts/index.ts';
import { VamoError } from '../../core/index.ts';
import type { HostTensor } from '../../engine/index.ts';
import { marketChannels, marketSeries } from '../../features/index.ts';

/** A channel that never varied in the training days stays finite. */
const LEAST_DEVIATION = 1e-6;

/** A day's market, [96, channels], standardised by the training days' statistics. */
function standardised(
  steps: DaySteps,
  tasks: readonly TaskSpec[],
  { marketMean, marketSd }: Pick<Normaliser, 'marketMean' | 'marketSd'>,
): Float32Array {
  const width = marketChannels(tasks);
  return marketSeries(steps, tasks).map((x, i) => {
    const channel = i % width;
    return (x - (marketMean[channel] ?? 0)) / ((marketSd[channel] ?? 1) + LEAST_DEVIATION);
  });
}

/**
 * The market windows of some days: for each the `history` days right before it, oldest first, and
 * nothing of the day itself.
 * @param timeline consecutive days, oldest first, that begins at least `history` days before `days`
 * @returns [days, history x 96, channels]
 */
export function marketWindows(
  days: readonly string[],
  timeline: readonly { readonly day: string; readonly steps: DaySteps }[],
  history: number,
  tasks: readonly TaskSpec[],
  normaliser: Pick<Normaliser, 'marketMean' | 'marketSd'>,
): HostTensor {
  const series = timeline.map(({ steps }) => standardised(steps, tasks, normaliser));
  const size = series[0]?.length ?? 0;
  const channels = marketChannels(tasks);
  const data = new Float32Array(days.length * history * size);
  days.forEach((day, d) => {
    const at = timeline.findIndex((one) => one.day === day);
    if (at < history)
      throw new VamoError(
        'WINDOW_INCOMPLETE',
        `day ${day}: its market window lacks some of the ${history} days before it`,
        { details: { day, history } },
      );
    series
      .slice(at - history, at)
      .forEach((values, h) => data.set(values, (d * history + h) * size));
  });
  return { shape: [days.length, (history * size) / channels, channels], data };
}
