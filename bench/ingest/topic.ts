import { createHash } from 'node:crypto';
import type { SourceRecord } from '../../src/contracts/index.ts';
import { dayKey, dayStartMs, DAY_MS, seededRandom } from '../../src/core/index.ts';
import { createKafkaSink, createTopic } from '../../src/ingest/index.ts';
import { partitionOf } from '../../src/ingest/event-sink.ts';
import { createKafka, fetchWatermarks } from '../../src/ingest/kafka-client.ts';
import { toAvro } from './avro.ts';

export const DAY = dayKey('2026-01-05');
const START = dayStartMs(DAY);
const CAMPAIGNS = 200;
const CHUNK = 20_000;
/** Raised when the events change, so that a topic of older ones is not measured. */
const FORM = 2;

const digits = (value: number, places: number): number => Number(value.toFixed(places));
const idOf = (kind: string, i: number): string =>
  createHash('md5').update(`${kind}${i}`).digest('hex').slice(0, 14);

/**
 * The i-th event: first the campaigns' budgets, then outcomes of about 274 bytes of JSON, distinct
 * identifiers and decimals of a real length.
 */
function eventAt(i: number, rows: number): SourceRecord {
  const random = seededRandom(i, 0xbe);
  const campaign = `c-${i % CAMPAIGNS}`;
  const task = i % 2 === 0 ? 'store' : 'cart';
  const time = START + Math.floor((i / rows) * (DAY_MS - 1));
  const envelope = { v: 1, event_id: idOf('e', i), event_time: time, campaign_id: campaign, task };
  const record = (event: object): SourceRecord => ({
    key: campaign,
    arrivalMs: time + 40,
    value: JSON.stringify(event),
  });
  if (i < CAMPAIGNS)
    return record({ ...envelope, kind: 'campaign', day: DAY, budget: 1e5, status: 'active' });
  const exposed = i % 11 === 0;
  const bid = digits(random.next() * 4, 4);
  const highest = digits(random.next() * 4, 4);
  return record({
    ...envelope,
    kind: 'outcome',
    auction_id: idOf('a', Math.floor(i / 24)),
    pv: digits(random.next(), 6),
    bid,
    slot: exposed ? 1 : 0,
    exposed,
    shown: 3,
    cost: exposed ? digits(bid * 0.8, 4) : 0,
    competing_1: highest,
    competing_2: digits(highest * 0.8, 4),
    competing_3: 0,
  });
}

export interface BenchTopic {
  readonly topic: string;
  readonly rows: number;
  /** Of one outcome. */
  readonly bytes: number;
}

export interface TopicSize {
  readonly rows: number;
  readonly partitions: number;
  readonly form?: 'json' | 'avro';
}

type Write = (records: readonly SourceRecord[]) => Promise<unknown>;

/** Sends the same events in Avro, a batch a partition. */
async function avroSink(brokers: readonly string[], topic: string, partitions: number) {
  const producer = createKafka({ brokers, topic }).producer();
  await producer.connect();
  const write: Write = (records) => {
    const open = Array.from({ length: partitions }, (_, partition) => ({
      partition,
      messages: [] as { key: string; value: Buffer; timestamp: string }[],
    }));
    for (const { key, arrivalMs, value } of records)
      open[partitionOf(key, partitions)]?.messages.push({
        key,
        value: toAvro(value),
        timestamp: String(arrivalMs),
      });
    return Promise.all(
      open.map(({ partition, messages }) =>
        producer.send({ topic, messages: messages.map((m) => ({ ...m, partition })) }),
      ),
    );
  };
  return { write, close: () => producer.disconnect() };
}

/** A topic with so many outcomes, spread by campaign; one made before is used again. */
export async function makeTopic(brokers: readonly string[], size: TopicSize): Promise<BenchTopic> {
  const { rows, partitions, form = 'json' } = size;
  const topic = `outcomes-${form === 'json' ? '' : `${form}-`}${FORM}-${rows}-${partitions}`;
  const address = { brokers, topic };
  const { value } = eventAt(CAMPAIGNS + 1, rows);
  const bytes = form === 'json' ? Buffer.byteLength(value) : toAvro(value).length;
  await createTopic({ ...address, partitions });
  const marks = await fetchWatermarks(address);
  const there = marks.reduce((sum, { high }) => sum + high, 0);
  if (there === rows) return { topic, rows, bytes };
  if (there > 0) throw new RangeError(`topic ${topic} holds ${there} records: remove its broker`);
  const sink =
    form === 'json' ? await createKafkaSink(address) : await avroSink(brokers, topic, partitions);
  for (let from = 0; from < rows; from += CHUNK) {
    const count = Math.min(CHUNK, rows - from);
    await sink.write(Array.from({ length: count }, (_, i) => eventAt(from + i, rows)));
  }
  await sink.close();
  return { topic, rows, bytes };
}
