import { type KafkaAddress, withAdmin } from './kafka-client.ts';

/**
 * Creates a topic unless it exists. Its records carry their producer's time (`arrival_ms`) and are
 * not deleted by age, which would be counted from that time.
 * @throws VamoError INGEST_SOURCE
 */
export async function createTopic(
  options: KafkaAddress & { readonly partitions: number; readonly replicas?: number },
): Promise<void> {
  await withAdmin(options, async (admin) => {
    if ((await admin.listTopics()).includes(options.topic)) return;
    await admin.createTopics({
      waitForLeaders: true,
      topics: [
        {
          topic: options.topic,
          numPartitions: options.partitions,
          replicationFactor: options.replicas ?? 1,
          configEntries: [
            { name: 'message.timestamp.type', value: 'CreateTime' },
            { name: 'retention.ms', value: '-1' },
          ],
        },
      ],
    });
  });
}
