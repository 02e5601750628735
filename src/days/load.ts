import {
  type Engine,
  TABLES,
  type TableName,
  checkStage,
  countDay,
  countStage,
  createStage,
  dropDay,
  dropLiveDay,
  dropStage,
  type LoadedMark,
  markLoaded,
  marksOf,
  placeDay,
  type Stage,
  stageDay,
  unmarkLoaded,
} from '../clickhouse/index.ts';
import type { PartitionManifest } from '../contracts/index.ts';
import { VamoError, dayKey, isVamoError } from '../core/index.ts';
import { nextGeneration, type ObjectStore, verifiedFile } from '../store/index.ts';
import { claimCopy, type Loader } from './copy-owner.ts';

const TABLE_NAMES = Object.keys(TABLES) as TableName[];

/** A day of the store, and where it is loaded. */
export interface LoadOptions {
  readonly engine: Engine;
  readonly loader: Loader;
  readonly store: ObjectStore;
  readonly manifest: PartitionManifest;
}

/**
 * Copies a sealed day into the engine's `events` and `steps` tables, one partition a day, in place
 * of any earlier generation. A copy for queries: the sealed files stay the truth, and loading again
 * rebuilds it. A day that already stands there is left alone, as is one of which another process made
 * the next generation meanwhile.
 *
 * @returns whether anything was loaded
 * @throws VamoError SQL_OWNED, STORE_CORRUPT, STORE_FULL, SQL_FAILED, DATA_LOCKED
 */
export async function loadIntoClickHouse(options: LoadOptions): Promise<boolean> {
  const { engine, loader, store, manifest } = options;
  const day = dayKey(manifest.day);
  const { generation, digest } = manifest;
  await claimCopy(engine, loader);
  const mark = { day, generation, digest, rows: manifest.counts.accepted };
  if ((await isMarked(engine, mark)) && (await standsWhole(engine, manifest))) return false;

  for (const table of TABLE_NAMES) await fillStage(options, table);
  // Filling takes a while: what another process made and loaded meanwhile is not put back.
  const isNewest = (await nextGeneration(store, day)) <= generation + 1;
  if (isNewest) await placeAlone(options, mark);
  for (const table of TABLE_NAMES) await engine.command(dropStage({ table, loader: loader.stage }));
  if (isNewest) await engine.command(dropLiveDay(day));
  return isNewest;
}

/** How often a day is put in place anew after another loader was at it. */
const TRIES = 5;

/**
 * Puts the staged day in place and marks it, last. Roles let one loader work at a time, but a process
 * that stood still may go on after another has taken its role. Of two that place one day together, who
 * finds not its own mark alone does not know whose rows stand there, and does it again.
 * @throws VamoError DATA_LOCKED when that goes on and on
 */
async function placeAlone({ engine, loader, manifest }: LoadOptions, mark: LoadedMark) {
  for (let tries = 0; tries < TRIES; tries++) {
    // A crash on the way leaves no false mark.
    await engine.command(unmarkLoaded(mark.day));
    for (const table of TABLE_NAMES) {
      const isEmpty = fileOf(manifest, table).rows === 0;
      const stage = { table, loader: loader.stage };
      await engine.command(isEmpty ? dropDay(table, mark.day) : placeDay(stage, mark.day));
    }
    await engine.command(markLoaded(mark));
    if (await isMarked(engine, mark)) return;
  }
  throw new VamoError('DATA_LOCKED', `another process loads ${mark.day} into ClickHouse too`, {
    details: { day: mark.day },
    mend: 'Let one process load into a database, then run the same command again.',
  });
}

/** Fills the stage of a table from the verified file and has what stands there checked. */
async function fillStage(
  { engine, loader, store, manifest }: LoadOptions,
  table: TableName,
): Promise<void> {
  const { columns } = TABLES[table];
  const file = fileOf(manifest, table);
  const { path } = await verifiedFile(store, file);
  const stage = { table, loader: loader.stage };
  for (const sql of createStage(stage)) await engine.command(sql);
  if (file.rows === 0) return;
  await engine.load({ paths: [path], columns }, stageDay(stage, dayKey(manifest.day)));
  if (!(await stageHolds(engine, stage, file.rows)))
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
async function stageHolds(engine: Engine, stage: Stage, rows: number): Promise<boolean> {
  try {
    const [held] = await engine.query<{ rows: number }>(countStage(stage));
    if (held?.rows !== rows) return false;
    const parts = await engine.query<{ is_passed?: number; result?: number }>(checkStage(stage));
    return parts.every(({ is_passed, result }) => (is_passed ?? result) === 1);
  } catch (error) {
    if (isVamoError(error, 'SQL_FAILED')) return false;
    throw error;
  }
}

/** Whether a day is marked as this generation, and as no other. */
async function isMarked(engine: Engine, { day, generation, digest }: LoadedMark): Promise<boolean> {
  const marks = await engine.query<Pick<LoadedMark, 'generation' | 'digest'>>(marksOf(day));
  return marks.length === 1 && marks[0]?.generation === generation && marks[0].digest === digest;
}

async function standsWhole(engine: Engine, manifest: PartitionManifest): Promise<boolean> {
  for (const table of TABLE_NAMES) {
    const [held] = await engine.query<{ rows: number }>(countDay(table, dayKey(manifest.day)));
    if (held?.rows !== fileOf(manifest, table).rows) return false;
  }
  return true;
}
