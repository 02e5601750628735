import { openLedger } from '../store/index.ts';
import type { IngesterOptions } from './ingester-options.ts';
import type { PartitionIngest } from './partition-ingest.ts';

const TICK_MS = 100;

/** Flushes by age, reports progress, and says when the end is reached or a flush failed. */
export function createWatch(
  options: IngesterOptions,
  partitions: ReadonlyMap<number, PartitionIngest>,
  ends: readonly number[] | undefined,
  stop: (error?: unknown) => void,
): { end(): Promise<void> } {
  const { source, store, progress } = options;
  const committed = async (p: number): Promise<number> =>
    partitions.get(p)?.committed ?? Number(await openLedger(store, source.topic, p).tail());

  async function tick(): Promise<void> {
    for (const [p, partition] of partitions)
      await partition.flush(partition.next >= (ends?.[p] ?? Infinity));
    if (ends === undefined) return;
    const done = await Promise.all(ends.map((_, p) => committed(p)));
    const total = (sizes: readonly number[]): number => sizes.reduce((a, b) => a + b, 0);
    progress?.(total(done.map((d, p) => Math.min(d, ends[p] ?? 0))), total(ends));
    if (ends.every((end, p) => (done[p] ?? 0) >= end)) stop();
  }

  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= tick()
      .catch((error: unknown) => stop(error))
      .finally(() => (running = undefined));
  }, TICK_MS);
  return {
    async end() {
      clearInterval(timer);
      await running;
    },
  };
}
