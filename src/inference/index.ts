export { loadGraph } from './graph.ts';
export { selfTest } from './self-test.ts';
