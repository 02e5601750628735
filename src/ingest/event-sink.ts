import { mix32 } from '../core/index.ts';
import type { SourceRecord } from '../contracts/index.ts';

/** Where events are written to: Kafka or a log directory. */
export interface EventSink {
  /**
   * Writes records durably, in the given order within a partition.
   * @throws VamoError STORE_FULL (files; whole lines only remain), INGEST_SOURCE (Kafka)
   */
  write(records: readonly SourceRecord[]): Promise<void>;
  close(): Promise<void>;
}

/** The partition of a key, the same in every sink: equal keys, equal partition. */
export function partitionOf(key: string, partitions: number): number {
  let hash = key.length;
  for (let i = 0; i < key.length; i++) hash = mix32(hash ^ key.charCodeAt(i));
  return hash % partitions;
}
