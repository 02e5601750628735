export { askReadOnly } from './question.ts';
export { openEmbedded, type Engine } from './engine.ts';
export { writeEvents, countEvents, type EventsSql, type EventCounts } from './events-sql.ts';
export { writeSteps, countOrphans, countCampaigns, type StepsSql } from './steps-sql.ts';
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
