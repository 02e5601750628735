// A topic that was given more partitions, and records deleted from one before anything of it was committed.
import kafkajs from 'kafkajs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuctionEvent } from '../../src/contracts/index.ts';
import { dayKey, silentLogger } from '../../src/core/index.ts';
import { createIngester, createKafkaSource, type FaultPoint } from '../../src/ingest/index.ts';
import { openDataDirectory, openLedger, readLedgers } from '../../src/store/index.ts';
import { outcomeEvent, recordOf, TASKS } from '../helpers/ingest-records.ts';
import { type Broker, brokerMissing, startBroker } from '../helpers/kafka.ts';
import { openWorkshop, type Workshop } from '../helpers/pipeline.ts';

const missing = brokerMissing();
if (missing !== undefined) {
  if (process.env['CI'] === 'true') throw new Error(missing);
  console.warn(`\n*** TOPIC GROWTH TESTS SKIPPED: ${missing} ***\n`);
}

const DAY = dayKey('2026-01-05');
const HOUR_MS = 3_600_000;
const START = Date.parse(DAY);
/** Without a campaign a day has no steps. Sent again and again, it is one event. */
const CAMPAIGN: AuctionEvent = {
  kind: 'campaign',
  event_id: 'campaign',
  event_time: START,
  campaign_id: 'c-1',
  advertiser_id: 'a-1',
  task: 'store',
  day: DAY,
  budget: 1e9,
  status: 'active',
  cpa_limit: 0,
};

describe.skipIf(missing !== undefined)('a topic', () => {
  let broker: Broker;
  let workshop: Workshop;
  let kafka: kafkajs.Kafka;
  let admin: kafkajs.Admin;
  beforeAll(async () => {
    workshop = await openWorkshop();
    broker = await startBroker();
    kafka = new kafkajs.Kafka({ brokers: [broker.address], logLevel: kafkajs.logLevel.NOTHING });
    admin = kafka.admin();
    await admin.connect();
  }, 120_000);
  afterAll(async () => {
    await admin.disconnect();
    await broker.wipe();
    await workshop.clean();
  });

  const make = (topic: string, numPartitions: number) =>
    admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions }] });
  const grow = (topic: string, count: number) =>
    admin.createPartitions({ topicPartitions: [{ topic, count }] });

  /** An event to each of some partitions. */
  async function send(topic: string, partitions: readonly number[], id: string, timeMs = START) {
    // Before all of a new topic is known a send may be repeated, and records be there twice.
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    const messageOf = (event: AuctionEvent, partition: number) => ({
      partition,
      key: 'k',
      timestamp: String(timeMs),
      value: recordOf(event).value,
    });
    const messages = partitions.map((partition) =>
      messageOf(outcomeEvent({ event_id: `${id}-${partition}`, event_time: timeMs }), partition),
    );
    await producer.send({
      topic,
      messages: [messageOf(CAMPAIGN, partitions[0] ?? 0), ...messages],
    });
    await producer.disconnect();
  }

  it('is read in all its partitions, those added later once they are accepted', async () => {
    const topic = 'grown';
    await make(topic, 6);
    // Nothing says how many there are; the default is another number.
    const night = await workshop.night({
      source: {
        kind: 'kafka',
        topic,
        kafka: { brokers: [broker.address], sessionTimeoutMs: 3000 },
      },
    });
    await send(topic, [0, 1, 2, 3, 4, 5], 'first');
    const { rows } = await night.ok('ingest');
    expect(rows).toBeGreaterThanOrEqual(7);
    expect(await night.ok('days')).toMatchObject({ days: [{ day: DAY, records: rows }] });
    expect(await night.ok('clickhouse', 'load')).toMatchObject({ rows });

    await grow(topic, 8);
    await send(topic, [0, 6, 7], 'second');
    await send(topic, [0, 1, 2, 3, 4, 5, 6, 7], 'later', START + 30 * HOUR_MS);
    const { message, mend } = await night.fails('INGEST_SOURCE_CHANGED', 'ingest');
    expect(message).toContain('the source has 8, this data directory was filled from 6');
    expect(mend).toContain('`vamo ingest --accept-partitions 8`');
    const waiting = await night.ok<{ waiting: unknown[] }>('seal');
    expect(waiting.waiting).toHaveLength(1);

    const { rows: more } = await night.ok('ingest', '--accept-partitions', '8');
    expect(more).toBeGreaterThanOrEqual(13);
    expect(await night.ok('ingest')).toMatchObject({ rows: 0 });
    const { sealed } = await night.ok<{ sealed: object[] }>('seal');
    // Six of the first, three of the second, the campaign.
    expect(sealed).toMatchObject([{ day: DAY, counts: { accepted: 10 } }]);
  }, 120_000);

  it('stops its followers when it grows, and nothing of the new partition is committed', async () => {
    const topic = 'followed';
    await make(topic, 1);
    await send(topic, [0], 'first');
    const { ingester, store } = await open(topic);
    const stopped = expect(ingester.run({ until: 'forever' })).rejects.toMatchObject({
      code: 'INGEST_SOURCE_CHANGED',
      details: { found: 2, recorded: 1 },
      mend: expect.stringContaining('--accept-partitions 2') as string,
    });
    await wait(2000);
    await grow(topic, 2);
    await send(topic, [1], 'second').catch(() => wait(500).then(() => send(topic, [1], 'second')));
    await stopped;
    expect(await openLedger(store, topic, 1).last()).toBeUndefined();
    const { ingester: next } = await open(topic, { acceptPartitions: 2 });
    await next.run();
    expect((await readLedgers(store)).map(({ partition }) => partition)).toEqual([0, 1]);
  }, 60_000);

  it('has lost what it deletes from a partition that was never committed', async () => {
    const topic = 'overrun';
    await make(topic, 2);
    await send(topic, [0], 'a');
    for (const id of ['a', 'b', 'c']) await send(topic, [1], id);
    const faultPoint: FaultPoint = (at, partition) => {
      if (at === 'filed' && partition === 1) throw new Error('killed');
    };
    const { ingester, store } = await open(topic, { faultPoint });
    await expect(ingester.run()).rejects.toThrow('killed');
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 1, offset: '2' }] });
    const { ingester: again } = await open(topic);
    await expect(again.run()).rejects.toMatchObject({
      code: 'INGEST_OFFSET_LOST',
      details: { partition: 1, next: 0, found: 2 },
    });
    const { ingester: onward } = await open(topic, {}, 'record-gap');
    expect(await onward.run()).toMatchObject({ gaps: 1 });
    expect(await openLedger(store, topic, 1).tail()).toBeGreaterThanOrEqual(6n);
  }, 60_000);

  async function open(
    topic: string,
    over: { acceptPartitions?: number; faultPoint?: FaultPoint } = {},
    onGap: 'stop' | 'record-gap' = 'stop',
  ) {
    const { data } = await workshop.night();
    const { store } = await openDataDirectory(join(data, '..', topic));
    const source = createKafkaSource({
      brokers: [broker.address],
      topic,
      groupId: `${topic}-group`,
      sessionTimeoutMs: 3000,
      checkMs: 300,
      log: silentLogger,
    });
    const ingest = { flushRows: 1000, flushMs: 200, maxBadShare: 0.2, onGap };
    const clock = () => performance.now();
    const log = silentLogger;
    const common = { source, store, tasks: TASKS, utcOffsetMinutes: 0, ingest, clock, log };
    return { ingester: createIngester({ ...common, ...over }), store };
  }
});
