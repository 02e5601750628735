export { sealDay } from './seal.ts';
export { dayMissing, requireSealed } from './sealed.ts';
export { amendDay, isAmendDue, matureDay } from './amend.ts';
export { restoreGeneration } from './undo.ts';
export { countPartitions, lastArrival, readLive } from './live.ts';
export type { AskSource, SourceEnd } from './source-end.ts';
export { lateOnlyRows } from './late-only.ts';
export { sealSteps } from './seal-steps.ts';
export {
  dayReports,
  type DayReport,
  followDays,
  sourceTotals,
  type SourceTotals,
} from './report.ts';
export { loadIntoClickHouse } from './load.ts';
export { loadEach } from './load-each.ts';
export { claimCopy, type Loader, requireOwner } from './copy-owner.ts';
export { checkDayFiles, type DayFiles, type SupersededDamage } from './check-files.ts';
export { verifyDay, type Difference } from './verify.ts';
export { checkCopied, checkCopy } from './verify-copy.ts';
export { type CopiedDay, heldInCopy, readCopy } from './read-copy.ts';
export type { BuildOptions } from './build-options.ts';
export { createLiveLoader, type LiveLoader, type LoadRound } from './live-load.ts';
export { publishBackfill, type PublishedDay } from './backfill/publish.ts';
export { backfillsHeld } from './backfill/held.ts';
export { rowsOf } from './backfill/made.ts';
export { requireTakable } from './backfill/takable.ts';
export { labelsUntil, readUntil } from './backfill/evidence.ts';
export { lettersToReplay, replayersOf } from './backfill/replays.ts';
export { undoBackfill } from './backfill/undo.ts';
export {
  type BackfillState,
  daysOf,
  freezePlan,
  identify,
  listBackfills,
  readBackfill,
  storeOfBackfill,
} from './backfill/records.ts';
export { daysInCopy, dropCopy, unloadWithdrawn } from './unload.ts';
export { claimsOf, claimsOfFiles, missingGenerations } from './check-generations.ts';
