import type {
  CheckpointManifest,
  GraphRunner,
  GraphTensor,
  MarketSums,
  Normaliser,
  TemporalTable,
} from '../contracts/index.ts';
import { VamoError } from '../core/index.ts';
import { createPlanner, type Planner, windowOfSums, withTable } from '../features/index.ts';

/** Days whose tables are kept beside the shipped one; a bidder acts in one or two at a time. */
const MOST_DAYS = 4;

/** Planners by the day they act in: with a temporal module each day has its own z. */
export interface DayPlanners {
  /**
   * The planner of a day; `stale` = the day's own table is not known, the newest one before it (or
   * else the newest) stands in.
   */
  of(day: string): { readonly planner: Planner; readonly stale: boolean };
  knows(day: string): boolean;
  /** Computes a day's table from the market of the days before it, oldest first. */
  learn(day: string, market: readonly MarketSums[]): Promise<void>;
}

interface Served {
  readonly normaliser: Normaliser;
  readonly io: CheckpointManifest['io'];
  readonly run: GraphRunner;
}

/** A module that turns a market window into z, and the table that was shipped. */
export interface TemporalModule {
  readonly table: TemporalTable;
  readonly run: (market: GraphTensor) => Promise<GraphTensor>;
}

/** @param temporal null = the model has no temporal module: one planner for all days */
export function createDayPlanners(
  { normaliser, io, run }: Served,
  temporal: TemporalModule | null,
): DayPlanners {
  const plannerWith = (table: GraphTensor | null): Planner =>
    createPlanner(normaliser, withTable(run, table), { batch: io.batch });
  if (temporal === null || io.temporal === undefined) {
    const planner = plannerWith(null);
    return {
      of: () => ({ planner, stale: false }),
      knows: () => true,
      learn: () => Promise.resolve(),
    };
  }
  const { history, channels } = io.temporal;
  const known = new Map([[temporal.table.day, plannerWith(temporal.table.z)]]);

  function standIn(day: string): Planner | undefined {
    const days = [...known.keys()].sort();
    const newest = days.filter((other) => other < day).at(-1) ?? days.at(-1) ?? '';
    return known.get(newest);
  }

  return {
    of(day) {
      const own = known.get(day);
      const planner = own ?? standIn(day) ?? plannerWith(temporal.table.z);
      return { planner, stale: own === undefined };
    },
    knows: (day) => known.has(day),
    async learn(day, market) {
      if (known.has(day)) return;
      const data = windowOfSums(market, normaliser.tasks, normaliser);
      if (data.length !== history * channels)
        throw new VamoError(
          'BIDDER_REQUEST',
          `market of ${market.length} days, the model reads ${history} steps`,
        );
      const z = await temporal.run({ shape: [1, history, channels], data });
      known.set(day, plannerWith(z));
      const oldest = [...known.keys()].sort()[0];
      if (known.size > MOST_DAYS && oldest !== undefined) known.delete(oldest);
    },
  };
}
