export {
  EVENT_VERSION,
  EVENT_KINDS,
  EVENT_COLUMNS,
  PROVENANCE_COLUMNS,
  REWARD_FIELDS,
  MICRO,
  NANO,
  type AuctionEvent,
  type CampaignEvent,
  type OutcomeEvent,
  type ConversionEvent,
  type CartEvent,
  type RewardField,
  type TaskSpec,
} from './event.ts';
export {
  NUMBER_OF,
  SPAN_OF,
  OUTCOME_FIELDS,
  REQUIRED_BITS,
  emptyOutcome,
  setDecimal,
  setWhole,
  isPlainText,
  fitTogether,
  type OutcomeField,
  type OutcomeScanner,
  type ScannedOutcome,
} from './outcome-fields.ts';
export { createOutcomeScanner } from './scan-outcome.ts';
export { decodeEvent, encodeEvent, LATEST_MS } from './decode-event.ts';
export {
  STEP_COLUMNS,
  STEP_ROWS,
  emptyStepColumns,
  stepSumsAt,
  leastWinningCost,
  type StepColumn,
  type StepSums,
  type CampaignSteps,
  type DaySteps,
} from './step-sums.ts';
export {
  storedLedgerEntry,
  sourceIdentity,
  type SegmentRef,
  type DeadLetterRef,
  type LedgerEntry,
  type SourceIdentity,
  ledgerPack,
} from './ledger.ts';
export { storedGeneration, currentGeneration, type Withdrawal } from './generation.ts';
export {
  limitOf,
  isMature,
  LATE_POLICIES,
  BACKFILL_MODES,
  type LatePolicy,
  type BackfillMode,
  type DayCounts,
  type CutPoint,
  type PartitionManifest,
} from './partition.ts';
export {
  VERSION_PATTERN,
  DIGEST_PATTERN,
  pinnedDay,
  temporalIo,
  normaliser,
  goldenRows,
  type CheckpointRole,
  type CheckpointManifest,
  type Lineage,
  type PinnedDay,
  type Normaliser,
  type GoldenRows,
} from './checkpoint.ts';
export {
  evaluationDocument,
  type EvaluationDocument,
  type CampaignResult,
  type GateDecision,
} from './evaluation.ts';
export {
  backfillPlan,
  backfilledDay,
  type BackfillPlan,
  type BackfilledDay,
  type PlannedFile,
  type PlannedMapping,
} from './backfill.ts';
export { hasItsChecksum, withChecksum } from './checksum.ts';
export { dataRules, rulesOf, type DataRules } from './data-rules.ts';
export { type CampaignLog, type DayLog } from './day-log.ts';
export { type SourceRecord } from './source-record.ts';
export { storeSettings, type S3Settings, type StoreSettings } from './store-settings.ts';
export {
  GRAPH_INPUTS,
  GRAPH_OUTPUT,
  TEMPORAL_GRAPH,
  TEMPORAL_INPUT,
  STATE_FEATURES,
  type GraphTensor,
  type GraphRunner,
} from './inference-graph.ts';
export {
  keyIdOf,
  parseTrustRoot,
  signRecord,
  verifyRecord,
  acceptRecord,
  initialTrust,
  MAX_EPOCH_STEP,
  MAX_WORDS_LENGTH,
  type ReleaseRecord,
  type ReleasedVersion,
  type TrustedKeys,
  type TrustedState,
  type VerifiedRecord,
} from './release.ts';
export {
  listReleases,
  readRelease,
  readReleaseLog,
  releaseKey,
  type ObjectReader,
  type RefusedRecord,
  type ReleaseLog,
  type ReleasePlace,
} from './release-log.ts';
export {
  blobKey,
  byRole,
  checkpointDigest,
  getOrInvalid,
  manifestKey,
  matchDigest,
  parseManifest,
  readCheckpointFile,
} from './checkpoint-files.ts';
export { findProblems, NO_KEY, tellProblem } from './problems.ts';
export { jsonBytes, readJson } from './strict-json.ts';
export { marketFile, marketKey, parseMarketDay, type MarketSums } from './market.ts';
export { parseTemporalTable, temporalTableFile, type TemporalTable } from './temporal-table.ts';
