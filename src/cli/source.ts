import { join } from 'node:path';
import {
  createFileSink,
  createFileSource,
  createKafkaSink,
  createKafkaSource,
  createTopic,
  type EventSink,
  type EventSource,
} from '../ingest/index.ts';
import type { Context } from './context.ts';

/** The file log of the configuration, under the data directory unless absolute. */
function logOptions({ root, config }: Context) {
  const { directory, topic, partitions } = config.source;
  return {
    directory: directory.startsWith('/') ? directory : join(root, directory),
    topic,
    partitions,
  };
}

/** The configured source of events. */
export function openSource(context: Context): EventSource {
  const { source } = context.config;
  if (source.kind === 'file') return createFileSource(logOptions(context));
  return createKafkaSource({ ...source.kafka, topic: source.topic, log: context.log });
}

/** The configured source as a sink: where simulated events go. A missing Kafka topic is made. */
export async function openSink(context: Context): Promise<EventSink> {
  const { source } = context.config;
  if (source.kind === 'file') return createFileSink(logOptions(context));
  const { topic, partitions } = source;
  await createTopic({ ...source.kafka, topic, partitions });
  return createKafkaSink({ ...source.kafka, topic });
}
