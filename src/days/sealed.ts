import type { PartitionManifest } from '../contracts/index.ts';
import { type DayKey, VamoError } from '../core/index.ts';
import { findNewest, type ObjectStore, readManifest } from '../store/index.ts';
import { dayReports } from './report.ts';

/** A day of which nothing came in. */
export const dayMissing = (day: DayKey): VamoError =>
  new VamoError('DAY_MISSING', `nothing of day ${day} was ingested`, { details: { day } });

/**
 * The newest generation of a day that a person names.
 * @throws VamoError DAY_MISSING when nothing of it was ingested; DAY_UNSEALED when it is open;
 *   STORE_CORRUPT, INGEST_LEDGER
 */
export async function requireSealed(store: ObjectStore, day: DayKey): Promise<PartitionManifest> {
  const newest = await findNewest(store, day);
  if (newest !== undefined) return newest;
  if (!(await dayReports(store)).some((report) => report.day === day)) throw dayMissing(day);
  return readManifest(store, day);
}
