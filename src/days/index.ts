export { sealDay } from './seal.ts';
export { type SealOptions } from './seal-plan.ts';
export { dayReports, type DayReport } from './report.ts';
export { loadIntoClickHouse } from './load.ts';
export { verifyDay } from './verify.ts';
