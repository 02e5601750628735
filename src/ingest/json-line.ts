import { keptBeside, readRaw } from './dead-letter.ts';
import type { EventSource, ReadRecord } from './event-source.ts';

const BYTE_ORDER_MARK = /^\ufeff/;

/**
 * The record of a line of JSON: of a log (`{"arrival_ms", "value"}`), of a dead letter (the same, its
 * value perhaps in base64), or an event by itself, which arrived at its `arrival_ms` or when it
 * happened. Anything else keeps its text, to be dead-lettered.
 */
function jsonRecord({ offset, value: text }: ReadRecord): ReadRecord {
  try {
    const line = JSON.parse(String(text).replace(BYTE_ORDER_MARK, '')) as Readonly<
      Record<string, unknown>
    > | null;
    const { arrival_ms: arrival, value, event_time: time, encoding } = line ?? {};
    if (typeof arrival === 'number' && value !== undefined) {
      const read = typeof value === 'string' ? readRaw(value, encoding) : value;
      return { offset, arrivalMs: arrival, value: read, ...keptBeside(line ?? {}) };
    }
    const arrivalMs = typeof arrival === 'number' ? arrival : time;
    if (typeof arrivalMs === 'number') return { offset, arrivalMs, value: line };
  } catch {
    // Falls through: not JSON is as bad as JSON of another form.
  }
  return { offset, arrivalMs: Number.NaN, value: text };
}

/** A source of lines of text as a source of the records that the lines are in JSON. */
export function jsonLines(source: EventSource): EventSource {
  return {
    ...source,
    run: (handler, signal) =>
      source.run(
        {
          ...handler,
          batch: (batch) => handler.batch({ ...batch, records: batch.records.map(jsonRecord) }),
        },
        signal,
      ),
  };
}
