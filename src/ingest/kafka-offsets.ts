import { fetchWatermarks, type KafkaAddress, topicSetting, withAdmin } from './kafka-client.ts';
import { requireTopic } from './kafka-topic.ts';

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

/** Where a topic ends. */
export interface TopicEnd {
  readonly clusterId: string;
  /** By partition: the offset that the next record will have. */
  readonly ends: readonly number[];
  /** Whether the brokers stamp records as they come in; else their producers do. */
  readonly isLogAppendTime: boolean;
}

/** @throws VamoError INGEST_SOURCE */
export function kafkaEnd(address: KafkaAddress): Promise<TopicEnd> {
  return withAdmin(address, async (admin) => {
    await requireTopic(admin, address);
    const { clusterId } = await admin.describeCluster();
    const stamped = await topicSetting(admin, address.topic, 'message.timestamp.type');
    const ends: number[] = [];
    for (const { partition, high } of await admin.fetchTopicOffsets(address.topic))
      ends[partition] = Number(high);
    return { clusterId, ends, isLogAppendTime: stamped === 'LogAppendTime' };
  });
}
