export { sealDay } from './seal.ts';
export { sealSteps } from './seal-steps.ts';
export { dayReports } from './report.ts';
export { loadIntoClickHouse } from './load.ts';
export { verifyDay } from './verify.ts';
