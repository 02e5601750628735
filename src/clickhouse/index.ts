export { askReadOnly } from './question.ts';
export { openEmbedded, type Engine } from './engine.ts';
export {
  writeEvents,
  countEvents,
  type EventCounts,
  type OffsetRange,
  type RowSource,
} from './events-sql.ts';
export { writeRewards, countRewards } from './rewards-sql.ts';
export { writeSteps, countOrphans, countCampaigns } from './steps-sql.ts';
export {
  TABLES,
  createTables,
  stageDay,
  compareStage,
  placeDay,
  countDay,
  isLoaded,
  markLoaded,
  unmarkLoaded,
  type TableName,
  type LoadedMark,
} from './tables-sql.ts';
export { fileChecksum, tableChecksum, type Checksum } from './verify-sql.ts';
