import {
  type Engine,
  TABLES,
  type TableName,
  checkStage,
  countDay,
  countStage,
  createTables,
  dropLiveDay,
  emptyStage,
  isLoaded,
  markLoaded,
  placeDay,
  stageDay,
  unmarkLoaded,
} from '../clickhouse/index.ts';
import type { PartitionManifest } from '../contracts/index.ts';
import { VamoError, dayKey, isVamoError } from '../core/index.ts';
import { type ObjectStore, verifiedFile } from '../store/index.ts';

const TABLE_NAMES = Object.keys(TABLES) as TableName[];

/**
 * Copies a sealed day into the engine's `events` and `steps` tables, one partition a day, in place
 * of any earlier generation. A copy for queries: the sealed files stay the truth, and loading again
 * rebuilds it. A day that already stands there is left alone.
 *
 * @returns whether anything was loaded
 * @throws VamoError STORE_CORRUPT, STORE_FULL, SQL_FAILED
 */
export async function loadIntoClickHouse(options: {
  readonly engine: Engine;
  readonly store: ObjectStore;
  readonly manifest: PartitionManifest;
}): Promise<boolean> {
  const { engine, store, manifest } = options;
  const day = dayKey(manifest.day);
  const { generation, digest } = manifest;
  const mark = { day, generation, digest, rows: manifest.counts.accepted };
  for (const sql of createTables()) await engine.command(sql);
  const [found] = await engine.query<{ present: number }>(isLoaded(mark));
  if (found?.present === 1 && (await standsWhole(engine, manifest))) return false;

  await engine.command(unmarkLoaded(day));
  for (const table of TABLE_NAMES) await fillStage(engine, store, manifest, table);
  for (const table of TABLE_NAMES) await engine.command(placeDay(table, day));
  await engine.command(markLoaded(mark));
  for (const table of TABLE_NAMES) await engine.command(emptyStage(table));
  await engine.command(dropLiveDay(day));
  return true;
}

/** Fills the stage of a table from the verified file and has what stands there checked. */
async function fillStage(
  engine: Engine,
  store: ObjectStore,
  manifest: PartitionManifest,
  table: TableName,
): Promise<void> {
  const { columns } = TABLES[table];
  const file = fileOf(manifest, table);
  const { path } = await verifiedFile(store, file);
  await engine.command(emptyStage(table));
  await engine.load({ paths: [path], columns }, stageDay(table, dayKey(manifest.day)));
  if (!(await stageHolds(engine, table, file.rows)))
    throw new VamoError('STORE_FULL', `the engine could not write all ${table} of ${manifest.day}`);
}

function fileOf(manifest: PartitionManifest, role: TableName): PartitionManifest['files'][number] {
  const file = manifest.files.find((f) => f.role === role);
  if (file === undefined)
    throw new VamoError('STORE_CORRUPT', `manifest of ${manifest.day} names no ${role} file`);
  return file;
}

/**
 * The engine goes on in silence when a write fails (chDB 3.4), and a count comes from metadata, which
 * may promise more than the disk took: what it wrote is read again.
 */
async function stageHolds(engine: Engine, table: TableName, rows: number): Promise<boolean> {
  try {
    const [held] = await engine.query<{ rows: number }>(countStage(table));
    if (held?.rows !== rows) return false;
    const parts = await engine.query<{ is_passed?: number; result?: number }>(checkStage(table));
    return parts.every(({ is_passed, result }) => (is_passed ?? result) === 1);
  } catch (error) {
    if (isVamoError(error, 'SQL_FAILED')) return false;
    throw error;
  }
}

async function standsWhole(engine: Engine, manifest: PartitionManifest): Promise<boolean> {
  for (const table of TABLE_NAMES) {
    const [held] = await engine.query<{ rows: number }>(countDay(table, dayKey(manifest.day)));
    if (held?.rows !== fileOf(manifest, table).rows) return false;
  }
  return true;
}
