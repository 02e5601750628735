import {
  type Engine,
  TABLES,
  type TableName,
  countDay,
  createTables,
  isLoaded,
  markLoaded,
  replaceDay,
  unmarkLoaded,
} from '../clickhouse/index.ts';
import type { PartitionManifest } from '../contracts/index.ts';
import { VamoError, dayKey } from '../core/index.ts';
import { type ObjectStore, readPartitionFile } from '../store/index.ts';

const TABLE_NAMES = Object.keys(TABLES) as TableName[];

/**
 * Copies a sealed day into the engine's `events` and `steps` tables, one partition a day, in place
 * of any earlier generation. A copy for queries: the sealed files stay the truth, and loading again
 * rebuilds it. A day that already stands there is left alone.
 *
 * @returns whether anything was loaded
 * @throws VamoError STORE_CORRUPT, SQL_FAILED
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
    const path = store.localPath(fileOf(manifest, table).key);
    for (const sql of replaceDay(table, day, path)) await engine.command(sql);
  }
  if (!(await standsWhole(engine, manifest)))
    throw new VamoError('SQL_FAILED', `day ${day}: the engine holds other rows than were sealed`);
  await engine.command(markLoaded(mark));
  return true;
}

function fileOf(manifest: PartitionManifest, role: TableName): PartitionManifest['files'][number] {
  const file = manifest.files.find((f) => f.role === role);
  if (file === undefined)
    throw new VamoError('STORE_CORRUPT', `manifest of ${manifest.day} names no ${role} file`);
  return file;
}

async function standsWhole(engine: Engine, manifest: PartitionManifest): Promise<boolean> {
  for (const table of TABLE_NAMES) {
    const [held] = await engine.query<{ rows: number }>(countDay(table, dayKey(manifest.day)));
    if (held?.rows !== fileOf(manifest, table).rows) return false;
  }
  return true;
}
