import { createSegmentBuilder, type SegmentBuilder } from '../store/index.ts';

/** Builders of all partitions: how much memory they hold, and that memory used again. */
export interface BuilderPool {
  take(): SegmentBuilder;
  give(builder: SegmentBuilder): void;
  /** Memory of the builders taken and not given back. */
  readonly openBytes: number;
}

/** More that wait for use than flush at once would only hold memory. */
const WAITING = 1;

export function createBuilderPool(): BuilderPool {
  const open = new Set<SegmentBuilder>();
  const waiting: SegmentBuilder[] = [];
  return {
    take() {
      const builder = waiting.pop() ?? createSegmentBuilder();
      open.add(builder);
      return builder;
    },
    give(builder) {
      if (!open.delete(builder) || waiting.length >= WAITING) return;
      builder.clear();
      waiting.push(builder);
    },
    get openBytes() {
      let sum = 0;
      for (const { bytes } of open) sum += bytes;
      return sum;
    },
  };
}
