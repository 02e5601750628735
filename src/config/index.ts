export { type Config } from './schema.ts';
export { loadConfig, mergeFiles, parseConfig, trainingConfigHash } from './load.ts';
