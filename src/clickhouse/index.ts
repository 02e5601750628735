export { openEmbedded, type Engine } from './engine.ts';
