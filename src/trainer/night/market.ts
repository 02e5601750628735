import type { MarketSums, Normaliser } from '../../contracts/index.ts';
import { addDays, dayKey, VamoError } from '../../core/index.ts';
import type { HostTensor } from '../../engine/index.ts';
import { marketChannels, windowOfSums } from '../../features/index.ts';

type Timeline = readonly { readonly day: string; readonly market: MarketSums }[];

/**
 * The market windows of some days: for each the `history` days right before it, oldest first, and
 * nothing of the day itself.
 * @param timeline consecutive days, oldest first, that begins at least `history` days before `days`
 * @returns [days, history x 96, channels]
 */
export function marketWindows(
  days: readonly string[],
  timeline: Timeline,
  history: number,
  normaliser: Pick<Normaliser, 'tasks' | 'marketMean' | 'marketSd'>,
): HostTensor {
  const { tasks } = normaliser;
  const each = timeline.map(({ market }) => windowOfSums([market], tasks, normaliser));
  const size = each[0]?.length ?? 0;
  const channels = marketChannels(tasks);
  const data = new Float32Array(days.length * history * size);
  days.forEach((day, d) => {
    const at = placeOf(day, timeline);
    if (at < history)
      throw new VamoError(
        'WINDOW_INCOMPLETE',
        `day ${day}: its market window lacks some of the ${history} days before it`,
        { details: { day, history } },
      );
    each.slice(at - history, at).forEach((values, h) => data.set(values, (d * history + h) * size));
  });
  return { shape: [days.length, (history * size) / channels, channels], data };
}

/** Where a day stands; the day after the last stands behind it, though it is not there yet. */
function placeOf(day: string, timeline: Timeline): number {
  const last = timeline.at(-1)?.day;
  const isNext = last !== undefined && addDays(dayKey(last), 1) === day;
  return isNext ? timeline.length : timeline.findIndex((one) => one.day === day);
}
