import type { DayLog } from '../contracts/index.ts';
import type { DayMarket } from './day-market.ts';
import { isExposed, paid, rivalBid } from './recording.ts';

/** The played day as replay reads it, for the campaigns named. */
export function playedLog(market: DayMarket, wanted: ReadonlySet<number>, reserve: number): DayLog {
  const rows = new Map<number, number[][]>([...wanted].map((c) => [c, []]));
  for (const recording of market.recordings) {
    for (let i = 0; i < recording.outcomes; i++) {
      const list = rows.get(recording.campaign[i] ?? -1);
      if (!list) continue;
      const auction = recording.auction[i] ?? 0;
      list.push([
        recording.timeMs[auction] ?? 0,
        recording.pv[i] ?? 0,
        recording.bid[i] ?? 0,
        recording.slot[i] ?? 0,
        Number(isExposed(recording, i)),
        recording.shown[auction] ?? 0,
        paid(recording, i, reserve),
        rivalBid(recording, i, 1),
        rivalBid(recording, i, 2),
        rivalBid(recording, i, 3),
      ]);
    }
  }
  const campaigns = [...rows].map(([c, list]) => {
    const column = (k: number): Float64Array => Float64Array.from(list, (row) => row[k] ?? 0);
    const { campaignId, advertiserId, task } = market.observe(c);
    return {
      campaignId,
      advertiserId,
      task,
      campaignEvents: (market.campaignEvents[c] ?? []).map((event) => ({
        eventTime: event.event_time,
        budget: event.budget,
        active: event.status === 'active',
      })),
      outcomes: {
        count: list.length,
        eventTime: column(0),
        pv: column(1),
        bid: column(2),
        slot: Uint8Array.from(column(3)),
        exposed: Uint8Array.from(column(4)),
        shown: Uint8Array.from(column(5)),
        cost: column(6),
        competing1: column(7),
        competing2: column(8),
        competing3: column(9),
      },
    };
  });
  return { day: market.day, startMs: market.startMs, campaigns };
}
