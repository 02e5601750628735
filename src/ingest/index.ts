export { type EventSource } from './event-source.ts';
export { type EventSink } from './event-sink.ts';
export { createFileSource } from './file-source.ts';
export { createFileSink } from './file-sink.ts';
export { createKafkaSource } from './kafka-source.ts';
export { createKafkaSink } from './kafka-sink.ts';
export { createTopic } from './kafka-topic.ts';
export { createJsonDecoder } from './decode-json.ts';
export {
  type BadRecord,
  type Decoded,
  type DecoderOptions,
  type RecordDecoder,
} from './decode-record.ts';
export { createIngester, type IngesterOptions } from './ingester.ts';
export { type IngestStats, type FaultPoint } from './partition-ingest.ts';
export { openKafkaSecurity } from './kafka-security.ts';
