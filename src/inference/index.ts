export { graphShapes, loadGraph, type LoadedGraph } from './graph.ts';
export { selfTest } from './self-test.ts';
