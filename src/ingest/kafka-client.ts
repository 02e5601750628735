import type { Admin, Kafka } from 'kafkajs';
import { isVamoError, VamoError } from '../core/index.ts';
import { addCodecs } from './kafka-codecs.ts';
import { loadKafkajs } from './kafka-lean.ts';
import type { KafkaSecurity } from './kafka-security.ts';

export interface KafkaAddress {
  readonly brokers: readonly string[];
  readonly topic: string;
  /** Encryption and credentials; left out = neither. */
  readonly security?: KafkaSecurity;
}

let loaded: ReturnType<typeof loadKafkajs> | undefined;

function client(): ReturnType<typeof loadKafkajs> {
  if (loaded === undefined) {
    loaded = loadKafkajs();
    addCodecs(loaded.CompressionCodecs);
  }
  return loaded;
}

/** A client that reports by its events and errors, not by a log of its own. */
export function createKafka({ brokers, security = {} }: KafkaAddress): Kafka {
  const kafkajs = client();
  return new kafkajs.Kafka({
    ...security,
    clientId: 'vamo',
    brokers: [...brokers],
    logLevel: kafkajs.logLevel.NOTHING,
    retry: { retries: 8, initialRetryTime: 100, maxRetryTime: 2000 },
  });
}

/** A failed call on the broker as INGEST_SOURCE, naming brokers, topic and reason. */
export function kafkaError(error: unknown, { brokers, topic }: KafkaAddress): VamoError {
  if (isVamoError(error)) return error;
  // The client wraps what a codec throws.
  if (error instanceof Error && isVamoError(error.cause)) return error.cause;
  const reason = error instanceof Error ? error.message : String(error);
  return new VamoError('INGEST_SOURCE', `Kafka at ${brokers.join(', ')}, ${topic}: ${reason}`, {
    details: { brokers, topic },
    cause: error,
  });
}

/** One call with an admin connection of its own. @throws VamoError INGEST_SOURCE */
export async function withAdmin<T>(
  address: KafkaAddress,
  call: (admin: Admin) => Promise<T>,
): Promise<T> {
  const admin = createKafka(address).admin();
  try {
    await admin.connect();
    return await call(admin);
  } catch (error) {
    throw kafkaError(error, address);
  } finally {
    await admin.disconnect();
  }
}

/** The value of a topic's setting; undefined when this user may not see it. */
export async function topicSetting(
  admin: Admin,
  name: string,
  setting: string,
): Promise<string | undefined> {
  const { TOPIC: type } = client().ConfigResourceTypes;
  const resources = [{ type, name, configNames: [setting] }];
  const answer = await admin
    .describeConfigs({ includeSynonyms: false, resources })
    .catch(() => undefined);
  const entries = answer?.resources.flatMap(({ configEntries }) => configEntries) ?? [];
  return entries.find(({ configName }) => configName === setting)?.configValue;
}

/** The earliest and the next offset of a partition. */
export interface Watermarks {
  readonly low: number;
  readonly high: number;
}

/** Watermarks by partition. @throws VamoError INGEST_SOURCE */
export async function fetchWatermarks(address: KafkaAddress): Promise<Watermarks[]> {
  const marks = await withAdmin(address, (admin) => admin.fetchTopicOffsets(address.topic));
  const byPartition: Watermarks[] = [];
  for (const { partition, low, high } of marks)
    byPartition[partition] = { low: Number(low), high: Number(high) };
  return byPartition;
}
