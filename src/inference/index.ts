export { loadGraph, loadTemporalGraph, type LoadedTemporalGraph } from './graph.ts';
export { selfTest, temporalSelfTest } from './self-test.ts';
