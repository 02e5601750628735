import { join } from 'node:path';
import { VamoError } from '../core/index.ts';
import {
  createFileSink,
  createFileSource,
  createKafkaSink,
  createKafkaSource,
  createRawFileSource,
  createTopic,
  type EventSink,
  type EventSource,
  openKafkaSecurity,
} from '../ingest/index.ts';
import type { Context } from './context.ts';

/** The file log of the configuration, under the data directory unless absolute. */
function logOptions({ root, config }: Pick<Context, 'root' | 'config'>) {
  const { directory, topic, partitions } = config.source;
  return {
    directory: directory.startsWith('/') ? directory : join(root, directory),
    topic,
    partitions,
  };
}

/** Where a topic of the configured Kafka is, with what it takes to get there. */
export function kafkaOptions({ config }: Pick<Context, 'config'>, topic = config.source.topic) {
  const { kafka } = config.source;
  return { ...kafka, topic, security: openKafkaSecurity(kafka, process.env) };
}

/** The configured source of events. */
export function openSource(context: Context): EventSource {
  const { source } = context.config;
  if (source.kind === 'file') return createFileSource(logOptions(context));
  if (source.kind === 'files')
    return createRawFileSource({ files: source.files ?? '', topic: source.topic });
  return createKafkaSource({ ...kafkaOptions(context), log: context.log });
}

/** The configured source in words, with where what is read of it goes. */
export function nameSource({ root, config }: Context, partitions: number): string {
  const { kind, topic, kafka, files } = config.source;
  const parts = `${String(partitions)} ${kind === 'files' ? 'files' : 'partitions'}`;
  const from = {
    kafka: `Kafka topic ${topic} (${parts}) at ${kafka.brokers.join(', ')} as group ${kafka.groupId}`,
    file: `log ${topic} (${parts}) in ${logOptions({ root, config }).directory}`,
    files: `${files ?? ''} (${parts})`,
  };
  return `${from[kind]} into ${root}`;
}

/** The configured source as a sink: where simulated events go. A missing Kafka topic is made. */
export async function openSink(context: Context): Promise<EventSink> {
  const { source } = context.config;
  if (source.kind === 'file') return createFileSink(logOptions(context));
  if (source.kind === 'files')
    throw new VamoError('USAGE', 'source.kind is "files": files at rest are only read', {
      mend: 'Write to a log (source.kind "file") or to Kafka, with another data directory.',
    });
  const options = kafkaOptions(context);
  await createTopic({ ...options, partitions: source.partitions });
  return createKafkaSink(options);
}
