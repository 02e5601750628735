import type { SourceRecord } from '../../src/contracts/index.ts';
import { dayKey, dayStartMs, DAY_MS, mix32 } from '../../src/core/index.ts';
import { createTopic } from '../../src/ingest/index.ts';
import { partitionOf } from '../../src/ingest/event-sink.ts';
import { fetchWatermarks } from '../../src/ingest/kafka-client.ts';
import { toAvro } from './avro.ts';
import { openProducer } from './producer.ts';

export const DAY = dayKey('2026-01-05');
const START = dayStartMs(DAY);
const CAMPAIGNS = 200;
const CHUNK = 20_000;
/** Raised when the events change, so that a topic of older ones is not measured. */
const FORM = 3;

/** A number from 0 to 1, of so many decimal places, drawn by what it is for and the event's number. */
const drawn = (of: number, i: number, places: number): number =>
  Math.floor((mix32(mix32(i) ^ of) / 2 ** 32) * 10 ** places) / 10 ** places;
const digits = (value: number, places: number): number =>
  Math.round(value * 10 ** places) / 10 ** places;
/** 14 hexadecimal digits, different for each of the numbers below 2^32. */
const idOf = (of: number, i: number): string => {
  const low = mix32(i ^ of);
  return (
    low.toString(16).padStart(8, '0') +
    mix32(low ^ i)
      .toString(16)
      .padStart(8, '0')
      .slice(2)
  );
};
const [EVENT, AUCTION, BID, HIGHEST, PV] = [1, 2, 3, 4, 5].map((of) => of << 28) as [
  number,
  number,
  number,
  number,
  number,
];

/**
 * The i-th event: first the campaigns' budgets, then outcomes of about 274 bytes of JSON, distinct
 * identifiers and decimals of a real length.
 */
function eventAt(i: number, rows: number): SourceRecord {
  const campaign_id = `c-${i % CAMPAIGNS}`;
  const task = i % 2 === 0 ? 'store' : 'cart';
  const event_time = START + Math.floor((i / rows) * (DAY_MS - 1));
  const event_id = idOf(EVENT, i);
  const record = (event: object): SourceRecord => ({
    key: campaign_id,
    arrivalMs: event_time + 40,
    value: JSON.stringify(event),
  });
  if (i < CAMPAIGNS) {
    const about = { day: DAY, budget: 1e5, status: 'active' };
    return record({ v: 1, event_id, event_time, campaign_id, task, kind: 'campaign', ...about });
  }
  const exposed = i % 11 === 0;
  const bid = digits(drawn(BID, i, 4) * 4, 4);
  const highest = digits(drawn(HIGHEST, i, 4) * 4, 4);
  // Written out: a spread costs four times all the rest.
  return record({
    v: 1,
    event_id,
    event_time,
    campaign_id,
    task,
    kind: 'outcome',
    auction_id: idOf(AUCTION, Math.floor(i / 24)),
    pv: drawn(PV, i, 6),
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
  /** What sends the records; without it, kafkajs. */
  readonly producer?: readonly string[] | undefined;
}

/** A topic with so many outcomes, spread by campaign; one made before is used again. */
export async function makeTopic(brokers: readonly string[], size: TopicSize): Promise<BenchTopic> {
  const { rows, partitions, form = 'json' } = size;
  const topic = `outcomes-${form === 'json' ? '' : `${form}-`}${FORM}-${rows}-${partitions}`;
  const address = { brokers, topic };
  const valueOf = form === 'json' ? (text: string) => Buffer.from(text) : toAvro;
  const bytes = valueOf(eventAt(CAMPAIGNS + 1, rows).value).length;
  await createTopic({ ...address, partitions });
  const marks = await fetchWatermarks(address);
  const there = marks.reduce((sum, { high }) => sum + high, 0);
  if (there === rows) return { topic, rows, bytes };
  if (there > 0) throw new RangeError(`topic ${topic} holds ${there} records: remove its broker`);
  const producer = await openProducer(address, size.producer);
  for (let from = 0; from < rows; from += CHUNK) {
    const events = Array.from({ length: Math.min(CHUNK, rows - from) }, (_, i) =>
      eventAt(from + i, rows),
    );
    await producer.send(
      events.map(({ key, arrivalMs, value }) => ({
        key,
        arrivalMs,
        value: valueOf(value),
        partition: partitionOf(key, partitions),
      })),
    );
  }
  await producer.close();
  return { topic, rows, bytes };
}
