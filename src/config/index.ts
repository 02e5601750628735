export { type Config } from './schema.ts';
export { loadConfig, parseConfig, trainingConfigHash } from './load.ts';
