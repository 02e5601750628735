import type { EventSource, SourceHandler } from './event-source.ts';

/**
 * A part of a source: in each partition the records with offsets in [from, to). It ends there, however
 * the source grows; what the source gives beyond is not handed on.
 */
export function boundedSource(
  source: EventSource,
  ranges: readonly { readonly from: number; readonly to: number }[],
): EventSource {
  const rangeOf = (partition: number) => ranges[partition] ?? { from: 0, to: 0 };
  const bounded = (handler: SourceHandler): SourceHandler => ({
    async assigned(partitions) {
      // What the whole has got since has no part here.
      const starts = await handler.assigned(partitions.filter((p) => p < ranges.length));
      return new Map(
        partitions.map((partition) => {
          const start = starts.get(partition) ?? 'first';
          if (start !== 'first') return [partition, start];
          const { from } = rangeOf(partition);
          handler.skipped(partition, 0, from);
          return [partition, from];
        }),
      );
    },
    async batch(batch) {
      const { to } = rangeOf(batch.partition);
      if (batch.from >= to) return batch.to;
      if (batch.to <= to) return handler.batch(batch);
      const records = batch.records.filter(({ offset }) => offset < to);
      const next = await handler.batch({ ...batch, to, records });
      return next === to ? batch.to : next;
    },
    next(partition) {
      const next = handler.next(partition);
      return next < rangeOf(partition).to ? next : Infinity;
    },
    skipped(partition, from, to) {
      const end = rangeOf(partition).to;
      if (from < end) handler.skipped(partition, from, Math.min(to, end));
    },
    async lost(partition, from, to) {
      const end = Math.min(to, rangeOf(partition).to);
      if (from >= end) return to;
      const next = await handler.lost(partition, from, end);
      return next === end ? to : next;
    },
    drain: () => handler.drain(),
  });
  return {
    topic: source.topic,
    async identity() {
      // It does not grow with the whole, and begins where the ranges say.
      const { starts: _, ...whole } = await source.identity();
      return { ...whole, partitions: ranges.length };
    },
    ends: () => Promise.resolve(ranges.map(({ to }) => to)),
    run: (handler, signal) => source.run(bounded(handler), signal),
    // Where a part of it has been read says nothing about the source.
    hint: () => undefined,
  };
}
