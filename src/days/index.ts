export { sealDay, matureDay } from './seal.ts';
export { amendDay, isAmendDue } from './amend.ts';
export { restoreGeneration } from './undo.ts';
export { lastArrival, readLive } from './live.ts';
export { sealSteps } from './seal-steps.ts';
export { dayReports, type DayReport } from './report.ts';
export { loadIntoClickHouse } from './load.ts';
export { checkCopy, checkFiles, verifyDay, type Difference } from './verify.ts';
export type { BuildOptions } from './build-options.ts';
