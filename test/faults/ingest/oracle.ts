import kafkajs from 'kafkajs';

/** A record as the topic holds it for readers of committed transactions. */
export interface TopicRecord {
  /** TOPIC/PARTITION/OFFSET. */
  readonly src: string;
  readonly arrivalMs: number;
  readonly value: string;
}

/** The end of each partition. */
export async function topicEnds(address: string, topic: string): Promise<number[]> {
  const admin = new kafkajs.Kafka({
    brokers: [address],
    logLevel: kafkajs.logLevel.NOTHING,
  }).admin();
  await admin.connect();
  try {
    const ends: number[] = [];
    for (const { partition, high } of await admin.fetchTopicOffsets(topic))
      ends[partition] = Number(high);
    return ends;
  } finally {
    await admin.disconnect();
  }
}

/**
 * Reads a whole topic with nothing of the project's own: what is really there. The last record of
 * each partition must be a plain one.
 */
export async function readTopic(address: string, topic: string): Promise<TopicRecord[]> {
  const ends = await topicEnds(address, topic);
  const kafka = new kafkajs.Kafka({ brokers: [address], logLevel: kafkajs.logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `oracle-${topic}`, readUncommitted: false });
  const found = new Map<string, TopicRecord>();
  const behind = new Set(ends.keys());
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    const eachMessage: kafkajs.EachMessageHandler = ({ partition, message }) => {
      const src = `${topic}/${partition}/${message.offset}`;
      const value = message.value?.toString() ?? '';
      found.set(src, { src, arrivalMs: Number(message.timestamp), value });
      if (Number(message.offset) + 1 >= ends[partition]!) behind.delete(partition);
      if (behind.size === 0) resolve();
      return Promise.resolve();
    };
    consumer.run({ eachMessage, autoCommit: false }).catch(reject);
  });
  await consumer.disconnect();
  return [...found.values()];
}
