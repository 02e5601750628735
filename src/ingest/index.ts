export {
  type EventSource,
  type SourceHandler,
  type SourceBatch,
  type ReadRecord,
} from './event-source.ts';
export { partitionOf, type EventSink } from './event-sink.ts';
export { createFileSource } from './file-source.ts';
export { createFileSink } from './file-sink.ts';
export { createKafkaSource, type KafkaOptions } from './kafka-source.ts';
export { createKafkaSink } from './kafka-sink.ts';
export { createTopic } from './kafka-topic.ts';
export { type KafkaAddress } from './kafka-client.ts';
export { type LogOptions } from './log-directory.ts';
export { createIngester, type Ingester, type IngesterOptions } from './ingester.ts';
export { type IngestStats, type FaultPoint } from './partition-ingest.ts';
