import { isVamoError, VamoError } from '../core/index.ts';
import { type AskSource, countPartitions, type SourceEnd } from '../days/index.ts';
import { kafkaEnd, loadMapping } from '../ingest/index.ts';
import { openLedger, recordedSource } from '../store/index.ts';
import type { Context } from './context.ts';
import { kafkaOptions } from './source.ts';

/**
 * Asks the configured topic where it ends, once a command and only when something depends on it.
 * Undefined for a log directory, which waits for records, and for files at rest, whose ends are recorded.
 */
export function sourceEndOf(context: Context): AskSource | undefined {
  if (context.config.source.kind !== 'kafka') return undefined;
  let answer: ReturnType<AskSource> | undefined;
  return () =>
    (answer ??= askKafka(context).catch((error: unknown) => {
      if (isVamoError(error)) return error;
      throw error;
    }));
}

/** @throws VamoError INGEST_SOURCE; INGEST_SOURCE_CHANGED when the data is not of this topic */
async function askKafka(context: Context): Promise<SourceEnd> {
  const { store, config, now } = context;
  const { topic } = config.source;
  const count = await countPartitions(store, config.source);
  const numbers = Array.from({ length: count }, (_, partition) => partition);
  const taken = await Promise.all(numbers.map((p) => openLedger(store, topic, p).tail()));
  const askedMs = now();
  const { clusterId, ends, isLogAppendTime } = await kafkaEnd(kafkaOptions(context));
  const recorded = (await recordedSource(store))?.id ?? clusterId;
  const shorter = numbers.find((p) => Number(taken[p]) > (ends[p] ?? 0));
  if (recorded !== clusterId || shorter !== undefined)
    throw new VamoError(
      'INGEST_SOURCE_CHANGED',
      recorded !== clusterId
        ? `source.kafka.brokers are of cluster ${clusterId}, this data directory was filled from ${recorded}`
        : `${topic}/${String(shorter)} ends before what was taken from it: the topic was made again`,
      { details: { topic, clusterId, recorded, partition: shorter } },
    );
  return { ends, askedMs, stampsArrivals: isLogAppendTime && !(await mapsArrivals(context)) };
}

/** Whether arrivals are what the lines of a foreign log say, whatever stamps their records. */
async function mapsArrivals({ config }: Context): Promise<boolean> {
  const { mapping } = config.source;
  return mapping !== null && (await loadMapping(mapping)).arrival !== undefined;
}
