import { fetchWatermarks, type KafkaAddress, withAdmin } from './kafka-client.ts';

/** Offsets of one partition between two times of arrival. */
export interface TimeRange {
  /** The first record that arrived at or after the beginning. */
  readonly from: number;
  /** The first that arrived at or after the end; where the topic ends when none did. */
  readonly to: number;
  /** The first record that is still there: above 0, older ones were deleted. */
  readonly low: number;
  /** Where the topic ends. */
  readonly high: number;
}

/**
 * By partition, the offsets whose records arrived in [fromMs, untilMs).
 * @throws VamoError INGEST_SOURCE
 */
export async function kafkaTimeRanges(
  address: KafkaAddress,
  fromMs: number,
  untilMs: number,
): Promise<TimeRange[]> {
  const marks = await fetchWatermarks(address);
  const offsetsAt = async (ms: number): Promise<Map<number, number>> =>
    new Map(
      (
        await withAdmin(address, (admin) => admin.fetchTopicOffsetsByTimestamp(address.topic, ms))
      ).map(({ partition, offset }) => [partition, Number(offset)]),
    );
  const [begin, end] = [await offsetsAt(fromMs), await offsetsAt(untilMs)];
  return marks.map(({ low, high }, partition) => {
    // A topic may grow between the calls; a range never ends before it begins.
    const from = Math.max(low, begin.get(partition) ?? high);
    return { from, to: Math.max(from, end.get(partition) ?? high), low, high };
  });
}
