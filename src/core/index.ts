export { VamoError, isVamoError, stackOf, systemCode } from './errors.ts';
export { ERROR_CODES, type ErrorCode } from './error-codes.ts';
export { ENGINE_KINDS, type EngineKind } from './engine-kind.ts';
export { environmentValue, setIfUnset } from './environment.ts';
export {
  STEPS,
  MINUTE_MS,
  STEP_MS,
  DAY_MS,
  dayKey,
  dayStartMs,
  dayOf,
  stepOf,
  addDays,
  daysBetween,
  type DayKey,
  weekdayOf,
} from './day.ts';
export { mix32, mixKey, seededRandom, restoreRandom, type Random } from './random.ts';
export {
  sum,
  largest,
  smallest,
  mean,
  standardDeviation,
  quantile,
  correlation,
  bootstrapMean,
  type Interval,
} from './statistics.ts';
export { didYouMean, nearestFirst } from './nearest.ts';
export { sha256, stableJson } from './digest.ts';
export {
  createReleasers,
  throwIfAborted,
  sleep,
  siblingModule,
  type Releasers,
  type Progress,
} from './lifecycle.ts';
export { scriptArguments, startWorker } from './worker.ts';
export { listen } from './listen.ts';
export { createLogger, silentLogger, type Logger, type LogLevel } from './log.ts';
export { ownProcess, isRunning, type ProcessIdentity } from './process-identity.ts';
