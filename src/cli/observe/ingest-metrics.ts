import type { PartitionSnapshot } from '../../ingest/index.ts';
import { type Observation, lagOf } from './observation.ts';
import { type Metric, single } from './prometheus.ts';

/**
 * The ingester's metrics. Offsets are records in Kafka and bytes in a file log.
 * @param bufferBytes memory that uncommitted rows may take
 */
export function ingestMetrics(observation: Observation, bufferBytes: number): Metric[] {
  const { snapshot, ends, atMs, waitingMs } = observation;
  const { stats, topic, partitions } = snapshot;
  const each = (
    name: string,
    type: Metric['type'],
    help: string,
    value: (partition: PartitionSnapshot) => number | undefined,
  ): Metric => ({
    name,
    type,
    help,
    samples: partitions.flatMap((p) => {
      const found = value(p);
      const labels = { topic, partition: p.partition };
      return found === undefined ? [] : [{ labels, value: found }];
    }),
  });
  const lag = (p: PartitionSnapshot): number | undefined => lagOf(observation, p);
  return [
    single(
      'vamo_ingest_source_up',
      'gauge',
      '1 when the source tells its end',
      ends === undefined ? 0 : 1,
    ),
    single('vamo_ingest_partitions', 'gauge', 'Partitions this process reads', partitions.length),
    each(
      'vamo_ingest_high_watermark',
      'gauge',
      'End of the partition in the source',
      (p) => ends?.[p.partition],
    ),
    each(
      'vamo_ingest_committed_offset',
      'gauge',
      'Next offset that no ledger entry holds',
      (p) => p.committed,
    ),
    each(
      'vamo_ingest_offset_lag',
      'gauge',
      'Offsets in the source that are not committed (Kafka: records, file: bytes)',
      lag,
    ),
    each(
      'vamo_ingest_event_lag_seconds',
      'gauge',
      'Age of the newest record read; 0 when everything is committed',
      (p) => {
        if (lag(p) === 0) return 0;
        return p.maxArrivalMs === 0 ? undefined : Math.max(0, atMs - p.maxArrivalMs) / 1000;
      },
    ),
    each(
      'vamo_ingest_commit_age_seconds',
      'gauge',
      'For how long there has been something to commit since the last commit',
      (p) => (waitingMs.get(p.partition) ?? 0) / 1000,
    ),
    each('vamo_ingest_buffered_records', 'gauge', 'Records read, not committed', (p) => p.buffered),
    each('vamo_ingest_buffered_bytes', 'gauge', 'Memory they take', (p) => p.bufferedBytes),
    single(
      'vamo_ingest_buffer_limit_bytes',
      'gauge',
      'Memory that they may take in all partitions before the largest are committed early',
      bufferBytes,
    ),
    each('vamo_ingest_records_total', 'counter', 'Records committed', (p) => p.records),
    each('vamo_ingest_rows_total', 'counter', 'Rows committed', (p) => p.rows),
    each(
      'vamo_ingest_dead_letters_total',
      'counter',
      'Records committed as dead letters',
      (p) => p.deadLetters,
    ),
    single(
      'vamo_ingest_filtered_records_total',
      'counter',
      'Records committed that a mapping leaves out',
      stats?.filtered,
    ),
    each('vamo_ingest_commits_total', 'counter', 'Ledger entries written', (p) => p.commits),
    each(
      'vamo_ingest_commit_seconds_total',
      'counter',
      'Time spent on commits: files, then the ledger entry',
      (p) => p.commitMs / 1000,
    ),
    single(
      'vamo_ingest_lost_commits_total',
      'counter',
      'Commits that another writer had made first',
      stats?.lost,
    ),
    single(
      'vamo_ingest_gaps_total',
      'counter',
      'Offset ranges that the source deleted unread, entered in the ledger as gaps',
      stats?.gaps,
    ),
    single(
      'vamo_ingest_seeks_total',
      'counter',
      'Times the source stood elsewhere than the ledger',
      stats?.seeks,
    ),
    single(
      'vamo_ingest_reread_records_total',
      'counter',
      'Records dropped uncommitted, to be read again',
      stats?.reread,
    ),
  ];
}

/** What every process tells of itself, under the names that are usual for it. */
export function processMetrics(): Metric[] {
  const { user, system } = process.cpuUsage();
  return [
    single('process_resident_memory_bytes', 'gauge', 'Resident memory', process.memoryUsage.rss()),
    single(
      'process_cpu_seconds_total',
      'counter',
      'User and system CPU time',
      (user + system) / 1e6,
    ),
    single('process_uptime_seconds', 'gauge', 'Time since the start', process.uptime()),
  ];
}
