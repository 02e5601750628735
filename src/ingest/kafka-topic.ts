import type { Admin } from 'kafkajs';
import { VamoError } from '../core/index.ts';
import { type KafkaAddress, withAdmin } from './kafka-client.ts';

/**
 * Says at once that a topic is not there: asked for its offsets, the client would wait for it to appear.
 * @throws VamoError INGEST_SOURCE
 */
export async function requireTopic(
  admin: Admin,
  { brokers, topic }: Pick<KafkaAddress, 'brokers' | 'topic'>,
): Promise<void> {
  if ((await admin.listTopics()).includes(topic)) return;
  throw new VamoError(
    'INGEST_SOURCE',
    `Kafka at ${brokers.join(', ')}: there is no topic ${topic} that this user may read`,
    {
      details: { brokers, topic },
      mend: 'Correct `source.topic` or `source.kafka.brokers`, or create the topic.',
    },
  );
}

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
