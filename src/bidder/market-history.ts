import {
  marketKey,
  type MarketSums,
  type ObjectReader,
  parseMarketDay,
} from '../contracts/index.ts';
import { addDays, dayKey, isVamoError, type Logger, STEPS } from '../core/index.ts';
import type { ActiveVersion } from './follower.ts';

/** Sees to it that a version has the table of the day it is asked about, if the store can give it. */
export interface MarketHistory {
  /** Resolves when the version knows the day, or cannot now. Never throws. */
  prepare(active: ActiveVersion, day: string): Promise<void>;
}

interface Attempt {
  readonly at: number;
  readonly done: Promise<void>;
}

/**
 * @param retryMs how long a day whose market is missing is left alone
 * @param clock monotonic ms
 */
export function createMarketHistory(options: {
  readonly store: ObjectReader;
  readonly retryMs: number;
  readonly clock: () => number;
  readonly log: Logger;
}): MarketHistory {
  const { store, retryMs, clock, log } = options;
  const attempts = new WeakMap<ActiveVersion, Map<string, Attempt>>();

  /** The market of the days before, oldest first; null when one is not there or not readable. */
  async function read(day: string, days: number): Promise<MarketSums[] | null> {
    const found: MarketSums[] = [];
    for (let before = days; before >= 1; before--) {
      const wanted = addDays(dayKey(day), -before);
      try {
        found.push(parseMarketDay(await store.get(marketKey(wanted)), wanted).sums);
      } catch (error) {
        const code = isVamoError(error) ? error.code : String(error);
        log.warn('bidder.market', { day, missing: wanted, code });
        return null;
      }
    }
    return found;
  }

  async function learn({ host, files, version }: ActiveVersion, day: string): Promise<void> {
    const steps = files.io.temporal?.history ?? 0;
    const market = await read(day, steps / STEPS);
    if (market === null) return;
    await host.learn(day, market).catch((error: unknown) => {
      log.warn('bidder.table', { day, version, error: String(error) });
    });
  }

  return {
    prepare(active, day) {
      if (active.host.knows(day)) return Promise.resolve();
      const own = attempts.get(active) ?? new Map<string, Attempt>();
      attempts.set(active, own);
      const last = own.get(day);
      // Requests that come while the table is made wait for it; after a failure only now and then.
      if (last && clock() - last.at < retryMs) return last.done;
      const attempt = { at: clock(), done: learn(active, day) };
      own.set(day, attempt);
      return attempt.done;
    },
  };
}
