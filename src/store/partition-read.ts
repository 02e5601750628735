import {
  type CampaignLog,
  type CampaignSteps,
  type DayLog,
  type DaySteps,
  type PartitionManifest,
  STEP_COLUMNS,
  STEP_ROWS,
  emptyStepColumns,
} from '../contracts/index.ts';
import { VamoError, dayKey, dayStartMs } from '../core/index.ts';
import type { ObjectStore } from './object-store.ts';
import { type ArrowColumns, openColumns } from './partition-columns.ts';
import { readVerified } from './verified.ts';

type Role = PartitionManifest['files'][number]['role'];

/**
 * The bytes of a sealed file, exactly as sealed.
 * @throws VamoError STORE_CORRUPT when it is gone, cut short or changed
 */
export async function readPartitionFile(
  store: ObjectStore,
  manifest: PartitionManifest,
  role: Role,
): Promise<Uint8Array> {
  const file = manifest.files.find((f) => f.role === role);
  if (file === undefined)
    throw new VamoError('STORE_CORRUPT', `manifest of ${manifest.day} names no ${role} file`);
  return readVerified(store, file);
}

/**
 * The step sums of every campaign of a sealed day, verified against the manifest.
 * @throws VamoError STORE_CORRUPT
 */
export async function readDaySteps(
  store: ObjectStore,
  manifest: PartitionManifest,
): Promise<DaySteps> {
  const label = `steps of ${manifest.day}`;
  const table = openColumns(await readPartitionFile(store, manifest, 'steps'), label);
  const ids = table.texts('campaign_id');
  const advertisers = table.texts('advertiser_id');
  const tasks = table.texts('task');
  const values = STEP_COLUMNS.map((name) => ({ name, all: table.integers(name) }));
  if (table.rows % STEP_ROWS !== 0)
    throw new VamoError('STORE_CORRUPT', `${label}: ${table.rows} rows, not ${STEP_ROWS} each`);
  const campaigns: CampaignSteps[] = [];
  for (let row = 0; row < table.rows; row += STEP_ROWS) {
    const columns = emptyStepColumns();
    for (const { name, all } of values) columns[name] = all.slice(row, row + STEP_ROWS);
    campaigns.push({
      campaignId: ids[row] ?? '',
      advertiserId: advertisers[row] ?? '',
      task: tasks[row] ?? '',
      columns,
    });
  }
  return { day: dayKey(manifest.day), campaigns };
}

/**
 * The outcomes and campaign events of a sealed day for replay, verified against the manifest.
 * @throws VamoError STORE_CORRUPT
 */
export async function readDayLog(store: ObjectStore, manifest: PartitionManifest): Promise<DayLog> {
  const bytes = await readPartitionFile(store, manifest, 'events');
  const rows = eventRows(openColumns(bytes, `events of ${manifest.day}`));
  const campaigns: CampaignLog[] = [];
  for (let from = 0; from < rows.ids.length;) {
    let to = from + 1;
    while (to < rows.ids.length && rows.ids[to] === rows.ids[from]) to++;
    const log = campaignLog(rows, from, to);
    if (log) campaigns.push(log);
    from = to;
  }
  const day = dayKey(manifest.day);
  return { day, startMs: dayStartMs(day, manifest.utcOffsetMinutes), campaigns };
}

type EventRows = ReturnType<typeof eventRows>;

function eventRows(table: ArrowColumns) {
  return {
    ids: table.texts('campaign_id'),
    kinds: table.texts('kind'),
    advertisers: table.texts('advertiser_id'),
    tasks: table.texts('task'),
    statuses: table.texts('status'),
    budget: table.integers('budget'),
    eventTime: table.integers('event_time'),
    pv: table.integers('pv'),
    bid: table.integers('bid'),
    slot: table.integers('slot'),
    exposed: table.integers('exposed'),
    shown: table.integers('shown'),
    cost: table.integers('cost'),
    competing1: table.integers('competing_1'),
    competing2: table.integers('competing_2'),
    competing3: table.integers('competing_3'),
  };
}

/** Rows [from, to) are one campaign's, in time order. Undefined without a campaign event. */
function campaignLog(rows: EventRows, from: number, to: number): CampaignLog | undefined {
  const ofKind = (kind: string): number[] => {
    const found: number[] = [];
    for (let row = from; row < to; row++) if (rows.kinds[row] === kind) found.push(row);
    return found;
  };
  const changes = ofKind('campaign');
  const first = changes[0];
  if (first === undefined) return undefined;
  const outcomes = ofKind('outcome');
  const float = (all: Float64Array): Float64Array =>
    Float64Array.from(outcomes, (r) => all[r] ?? 0);
  const small = (all: Float64Array): Uint8Array => Uint8Array.from(outcomes, (r) => all[r] ?? 0);
  return {
    campaignId: rows.ids[first] ?? '',
    advertiserId: rows.advertisers[first] ?? '',
    task: rows.tasks[first] ?? '',
    campaignEvents: changes.map((row) => ({
      eventTime: rows.eventTime[row] ?? 0,
      budget: rows.budget[row] ?? 0,
      active: rows.statuses[row] === 'active',
    })),
    outcomes: {
      count: outcomes.length,
      eventTime: float(rows.eventTime),
      pv: float(rows.pv),
      bid: float(rows.bid),
      slot: small(rows.slot),
      exposed: small(rows.exposed),
      shown: small(rows.shown),
      cost: float(rows.cost),
      competing1: float(rows.competing1),
      competing2: float(rows.competing2),
      competing3: float(rows.competing3),
    },
  };
}
