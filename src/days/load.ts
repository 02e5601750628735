import {
  type Engine,
  TABLES,
  type TableName,
  compareStage,
  countDay,
  createTables,
  isLoaded,
  markLoaded,
  placeDay,
  stageDay,
  unmarkLoaded,
} from '../clickhouse/index.ts';
import type { PartitionManifest } from '../contracts/index.ts';
import { VamoError, dayKey, isVamoError } from '../core/index.ts';
import { type ObjectStore, readPartitionFile } from '../store/index.ts';

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
  for (const table of TABLE_NAMES) {
    await readPartitionFile(store, manifest, table);
    const path = await store.localFile(fileOf(manifest, table).key);
    for (const sql of stageDay(table, day, path)) await engine.command(sql);
    if (!(await stageIsWhole(engine, table, path)))
      throw new VamoError('STORE_FULL', `the engine could not write all ${table} of ${day}`);
    for (const sql of placeDay(table, day)) await engine.command(sql);
  }
  await engine.command(markLoaded(mark));
  return true;
}

function fileOf(manifest: PartitionManifest, role: TableName): PartitionManifest['files'][number] {
  const file = manifest.files.find((f) => f.role === role);
  if (file === undefined)
    throw new VamoError('STORE_CORRUPT', `manifest of ${manifest.day} names no ${role} file`);
  return file;
}

/** The engine goes on in silence when a write fails (chDB 3.4), so what it wrote is read again. */
async function stageIsWhole(engine: Engine, table: TableName, path: string): Promise<boolean> {
  try {
    const [held, sealed] = await engine.query<{ hash: string }>(compareStage(table, path));
    return held !== undefined && held.hash === sealed?.hash;
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
