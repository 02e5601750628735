export { askReadOnly } from './question.ts';
export { type Engine } from './engine.ts';
export { openEmbedded } from './embedded.ts';
export { openServer, type ServerAddress } from './server.ts';
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
