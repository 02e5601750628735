export { loadGraph, loadTemporalGraph } from './graph.ts';
export { selfTest, temporalSelfTest } from './self-test.ts';
