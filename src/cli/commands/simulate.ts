import type { SourceRecord } from '../../contracts/index.ts';
import { type DayKey, isVamoError, throwIfAborted } from '../../core/index.ts';
import type { EventSink } from '../../ingest/index.ts';
import {
  type Carry,
  type Controller,
  createWorld,
  dayAt,
  EMPTY_CARRY,
  everySecondCampaign,
  simulateDay,
} from '../../sim/index.ts';
import { type Context, keepConfig } from '../context.ts';
import { createFleetClient } from '../fleet.ts';
import { type CommandSpec, wholeNumber } from '../run-command.ts';
import { openDataDirectory } from '../../store/index.ts';
import { openSink } from '../source.ts';
import { formatTable } from '../table.ts';
import { writeTruth } from '../truth.ts';

/** Where the simulation stands; what one day leaves to the next. */
interface SimulationState {
  readonly nextDay: number;
  readonly carry: Carry;
}

const STATE_KEY = 'simulation.json';
const WRITE_BATCH = 20_000;

async function readState({ store }: Context): Promise<SimulationState> {
  try {
    return JSON.parse(Buffer.from(await store.get(STATE_KEY)).toString()) as SimulationState;
  } catch (error) {
    if (isVamoError(error, 'STORE_NOT_FOUND')) return { nextDay: 0, carry: EMPTY_CARRY };
    throw error;
  }
}

/** How many days have been played whole. */
export async function simulatedDays(context: Context): Promise<number> {
  return (await readState(context)).nextDay;
}

/** The day the simulation comes to next. */
export async function nextSimulatedDay(context: Context): Promise<DayKey> {
  return dayAt(createWorld(context.config), await simulatedDays(context));
}

async function writeRecords(sink: EventSink, records: Iterable<SourceRecord>): Promise<void> {
  let batch: SourceRecord[] = [];
  for (const record of records) {
    batch.push(record);
    if (batch.length < WRITE_BATCH) continue;
    await sink.write(batch);
    batch = [];
  }
  await sink.write(batch);
}

/** The fleet bids for every second campaign, over HTTP, step by step. */
async function fleetController(context: Context, campaigns: string[]): Promise<Controller> {
  const client = await createFleetClient(context);
  return {
    campaigns,
    act: ({ day, step, campaigns: views }) =>
      client.scales(
        day,
        step,
        views.map(({ steps }) => steps),
      ),
  };
}

export interface DaySummary {
  readonly day: DayKey;
  readonly records: number;
  readonly outcomes: number;
  readonly fleetCampaigns: number;
}

/**
 * Plays the next days and appends their events to the configured source. The state is saved after
 * each day: interrupted in between, the day is played and sent again, and the seal removes what
 * came twice. One process at a time holds the role `simulator`.
 */
export async function simulateDays(
  context: Context,
  days: number,
  useFleet = false,
): Promise<DaySummary[]> {
  const world = createWorld(context.config);
  await keepConfig(context);
  const role = await openDataDirectory(context.root, {
    role: 'simulator',
    settings: context.config.store,
  });
  const sink = await openSink(context).catch(async (error: unknown) => {
    await role.release();
    throw error;
  });
  const progress = context.progress.stage('simulate');
  const summaries: DaySummary[] = [];
  try {
    const controlled = useFleet ? everySecondCampaign(world) : [];
    for (let i = 0; i < days; i++) {
      throwIfAborted(context.signal);
      const { nextDay, carry } = await readState(context);
      const controller = useFleet ? await fleetController(context, controlled) : undefined;
      const simulated = await simulateDay({
        world,
        day: nextDay,
        carry,
        ...(controller ? { controller } : {}),
      });
      await writeRecords(sink, simulated.records);
      await writeTruth(context, { counts: simulated.counts, steps: simulated.truth });
      const state: SimulationState = { nextDay: nextDay + 1, carry: simulated.carry };
      await context.store.put(STATE_KEY, Buffer.from(JSON.stringify(state)));
      summaries.push({
        day: simulated.day,
        records: simulated.recordCount,
        outcomes: simulated.truth.campaigns.reduce(
          (n, c) => n + c.columns.outcomes.reduce((a, b) => a + b, 0),
          0,
        ),
        fleetCampaigns: controlled.length,
      });
      progress(i + 1, days, simulated.day);
    }
  } finally {
    await sink.close();
    await role.release();
  }
  return summaries;
}

interface SimulateOptions {
  readonly days: number;
  readonly fleet?: boolean;
}

export const simulateCommand: CommandSpec<SimulateOptions> = {
  name: 'simulate',
  summary: 'write days of simulated auctions to the configured source, with exact ground truth',
  examples: ['vamo simulate --days 12', 'vamo simulate --days 1 --fleet'],
  options: (command) =>
    command
      .option('--days <n>', 'how many days to play', wholeNumber(1, 3650), 1)
      .option('--fleet', 'live bidders bid for every second campaign'),
  async run(context, { days, fleet }) {
    const summaries = await simulateDays(context, days, fleet === true);
    context.say(
      formatTable(
        ['day', 'records', 'outcomes', 'campaigns of the fleet'],
        summaries.map((s) => [s.day, s.records, s.outcomes, s.fleetCampaigns]),
      ),
    );
    return { days: summaries };
  },
};
