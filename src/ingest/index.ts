export { type EventSource } from './event-source.ts';
export { type EventSink } from './event-sink.ts';
export { createFileSource } from './file-source.ts';
export { createFileSink } from './file-sink.ts';
export { createKafkaSource } from './kafka-source.ts';
export { createKafkaSink } from './kafka-sink.ts';
export { createTopic } from './kafka-topic.ts';
export { createRawFileSource } from './raw-file-source.ts';
export { decompressorOf, uncompressedName } from './compression.ts';
export { findFiles, keyPattern } from './file-glob.ts';
export { unreadable } from './line-batches.ts';
export { checkMapping, type MappingReport } from './mapping/check.ts';
export { compileMapping } from './mapping/compile.ts';
export { loadMapping } from './mapping/load.ts';
export { type MappingSpec, parseMapping } from './mapping/spec.ts';
export { createRegisteredDecoder } from './decode-registered.ts';
export { openRegistry } from './registry.ts';
export { createJsonDecoder } from './decode-json.ts';
export {
  type BadRecord,
  type Decoded,
  type PlacedEvent,
  type DecoderOptions,
  type RecordDecoder,
  withoutValues,
} from './decode-record.ts';
export { createIngester, type Ingester, type IngestSnapshot } from './ingester.ts';
export { type IngesterOptions } from './ingester-options.ts';
export { BAD_WINDOW } from './bad-window.ts';
export { type IngestStats, type FaultPoint } from './partition-context.ts';
export { openKafkaSecurity } from './kafka-security.ts';
export { type PartitionSnapshot } from './snapshot.ts';
export { boundedSource } from './bounded-source.ts';
export { jsonLines } from './json-line.ts';
export { kafkaEnd, kafkaTimeRanges } from './kafka-offsets.ts';
