export { askReadOnly, type Answer } from './question.ts';
export { type Engine } from './engine.ts';
export { openEmbedded } from './embedded.ts';
export { openServer, type ServerAddress } from './server.ts';
export {
  writeEvents,
  countEvents,
  countSuspects,
  writeSuspects,
  type EventCounts,
  type OffsetRange,
  type RowSource,
} from './events-sql.ts';
export { writeRewards, countRewards } from './rewards-sql.ts';
export { writeSteps, countOrphans, countCampaigns } from './steps-sql.ts';
export {
  TABLES,
  createTables,
  dropTables,
  LIST_STAGES,
  createStage,
  dropStage,
  stageDay,
  countStage,
  checkStage,
  dayFingerprint,
  placeDay,
  countDay,
  marksOf,
  markLoaded,
  unmarkLoaded,
  type TableName,
  type LoadedMark,
  type Stage,
} from './tables-sql.ts';
export {
  COUNT_OPEN_ROWS,
  COUNT_RUNNING_LOADS,
  LIVE_DAYS,
  SEGMENT_COLUMNS,
  TUNE_LIVE,
  countSegments,
  dropLiveDay,
  loadSegments,
  removeSegment,
  type LiveRange,
} from './live-sql.ts';
export { openFront, type Front } from './front/front.ts';
export { announceFront, findFront, withdrawFront, type FrontAddress } from './front/record.ts';
export { claimDatabase, HAS_OWNER, READ_OWNER, type Owner } from './owner-sql.ts';
export { convertToEvents } from './convert-sql.ts';
export { copiedDays, dropDay } from './unload-sql.ts';
