import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/index.ts';
import { decodeEvent, type PartitionManifest } from '../../src/contracts/index.ts';
import { type DayKey, silentLogger } from '../../src/core/index.ts';
import { sealDay } from '../../src/days/index.ts';
import {
  createIngester,
  createKafkaSink,
  createKafkaSource,
  createTopic,
} from '../../src/ingest/index.ts';
import {
  type ObjectStore,
  openDataDirectory,
  openLedger,
  readDaySteps,
} from '../../src/store/index.ts';
import { makeRecords, outcomeEvent, recordOf, TASKS } from '../helpers/ingest-records.ts';
import { committedDeadLetters, committedRows, rowsDigest } from '../helpers/ingest-rows.ts';
import { ingestFileLog, ingestKafkaWithKills } from '../helpers/kafka-ingest.ts';
import { type Broker, brokerMissing, startBroker } from '../helpers/kafka.ts';
import { simConfig, simulateDays } from '../helpers/sim-world.ts';

const missing = brokerMissing();
if (missing !== undefined) {
  if (process.env['CI'] === 'true') throw new Error(missing);
  console.warn(`\n*** KAFKA TESTS SKIPPED: ${missing} ***\n`);
}

const PARTITIONS = 4;
const SETTINGS = { tasks: TASKS, ingest: { flushRows: 300, flushMs: 400, maxBadShare: 0.2 } };
const POINTS = ['buffered', 'filed', 'buffered', 'filed', 'filed'] as const;

interface TopicRecord {
  readonly src: string;
  readonly arrivalMs: number;
  readonly value: string;
}

/** Reads a whole topic with a group of its own: what is really there, whatever we made of it. */
async function readTopic(address: string, topic: string): Promise<TopicRecord[]> {
  const kafka = new kafkajs.Kafka({ brokers: [address], logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  const total = ends.reduce((sum, { high }) => sum + Number(high), 0);
  const found: TopicRecord[] = [];
  const consumer = kafka.consumer({ groupId: `oracle-${topic}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    const eachMessage: kafkajs.EachMessageHandler = ({ partition, message }) => {
      found.push({
        src: `${topic}/${partition}/${message.offset}`,
        arrivalMs: Number(message.timestamp),
        value: message.value!.toString(),
      });
      if (found.length === total) resolve();
      return Promise.resolve();
    };
    consumer.run({ eachMessage }).catch(reject);
  });
  await consumer.disconnect();
  return found;
}

/** Whether a record is an event, by the contract alone. */
function isEvent(value: string): boolean {
  try {
    decodeEvent(JSON.parse(value));
    return true;
  } catch {
    return false;
  }
}

async function seal(root: string, day: DayKey, config: Config): Promise<PartitionManifest> {
  const { store } = await openDataDirectory(root);
  return sealDay({ store, engineDir: join(root, 'work'), day, config });
}

describe.skipIf(missing !== undefined)('ingest from Kafka', () => {
  let broker: Broker;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vamo-ingest-'));
    broker = await startBroker();
  }, 120_000);
  afterAll(async () => {
    await broker.wipe();
    await rm(folder, { recursive: true });
  });

  it('stores every valid record exactly once while ingesters are killed', async () => {
    const config = await simConfig({ auctionsPerDay: 300 });
    const days = await simulateDays(config, 2);
    const records = days.flatMap((day) => [...day.records]);
    const topic = config.source.topic;
    const root = join(folder, 'kafka');
    const settings = { tasks: config.tasks, ingest: { ...SETTINGS.ingest, flushRows: 800 } };
    const run = await ingestKafkaWithKills({
      ...settings,
      address: broker.address,
      topic,
      partitions: PARTITIONS,
      root,
      records,
      points: POINTS,
    });
    console.log(
      `kills: ${run.kills.map((k) => `${k.at} with ${k.uncommitted} uncommitted`).join('; ')}\n` +
        `orphans found: ${run.orphans.length}, rows re-read: ${run.reread}`,
    );
    expect(run.kills.map((kill) => kill.at)).toEqual([...POINTS]);
    expect(run.kills.every((kill) => kill.uncommitted > 0)).toBe(true);
    expect(run.orphans.length).toBeGreaterThanOrEqual(3);

    const { store } = await openDataDirectory(root);
    const byDay = await committedRows(store);
    const stored = [...byDay.values()].flat();
    const letters = await committedDeadLetters(store);
    const topicRecords = await readTopic(broker.address, topic);
    expect(topicRecords).toHaveLength(records.length);
    const expected = topicRecords.filter((record) => isEvent(record.value));
    const places = (rows: readonly { readonly src?: unknown }[]) => rows.map((r) => r.src).sort();
    expect(places(stored)).toEqual(places(expected));
    expect(letters).toHaveLength(topicRecords.length - expected.length);
    const bySource = new Map(expected.map((record) => [record.src, record]));
    for (const row of stored) {
      const source = bySource.get(String(row['src']))!;
      const event = JSON.parse(source.value) as { event_id: string; kind: string };
      expect([row['event_id'], row['kind'], row['arrival_ms']]).toEqual([
        event.event_id,
        event.kind,
        source.arrivalMs,
      ]);
    }

    const fileRoot = join(folder, 'file');
    await ingestFileLog({
      ...settings,
      directory: join(folder, 'log'),
      topic,
      partitions: PARTITIONS,
      root: fileRoot,
      records,
    });
    const fromFile = await committedRows((await openDataDirectory(fileRoot)).store);
    const digests = (days: typeof byDay) =>
      [...days].map(([day, rows]) => [day, rows.length, rowsDigest(rows)]);
    expect(digests(byDay)).toEqual(digests(fromFile));

    for (const { day, truth, counts } of days) {
      const fromTopic = await seal(root, day, config);
      const fromLog = await seal(fileRoot, day, config);
      expect(fromTopic.counts).toEqual(counts);
      expect([fromTopic.digest, fromTopic.stepsDigest, fromTopic.counts]).toEqual([
        fromLog.digest,
        fromLog.stepsDigest,
        fromLog.counts,
      ]);
      expect(await readDaySteps(store, fromTopic)).toEqual(truth);
    }
  }, 180_000);

  const kafkaOf = () =>
    new kafkajs.Kafka({ brokers: [broker.address], logLevel: kafkajs.logLevel.NOTHING });
  const ingester = (topic: string, store: ObjectStore) =>
    createIngester({
      ...SETTINGS,
      source: createKafkaSource({
        brokers: [broker.address],
        topic,
        groupId: `${topic}-group`,
        sessionTimeoutMs: 6000,
        log: silentLogger,
      }),
      store,
      utcOffsetMinutes: 0,
      clock: () => performance.now(),
      log: silentLogger,
    });

  it('stores committed transactions only, and ends behind an aborted one', async () => {
    const topic = 'transactions';
    await createTopic({ brokers: [broker.address], topic, partitions: 1 });
    const producer = kafkaOf().producer({
      idempotent: true,
      transactionalId: 't',
      maxInFlightRequests: 1,
    });
    await producer.connect();
    for (const [name, keep] of [
      ['kept-1', true],
      ['aborted-1', false],
      ['kept-2', true],
      ['aborted-2', false],
    ] as const) {
      const transaction = await producer.transaction();
      const { value } = recordOf(outcomeEvent({ event_id: name }));
      await transaction.send({ topic, messages: [{ value, timestamp: '1767571200000' }] });
      await (keep ? transaction.commit() : transaction.abort());
    }
    await producer.disconnect();
    const { store } = await openDataDirectory(join(folder, topic));
    expect(await ingester(topic, store).run()).toMatchObject({ rows: 2, deadLetters: 0 });
    const rows = [...(await committedRows(store)).values()].flat();
    expect(rows.map((row) => row['event_id'])).toEqual(['kept-1', 'kept-2']);
    expect(await openLedger(store, topic, 0).tail()).toBe(8n);
  }, 60_000);

  it('keeps key and headers of bad records', async () => {
    const topic = 'headers';
    await createTopic({ brokers: [broker.address], topic, partitions: 1 });
    const producer = kafkaOf().producer();
    await producer.connect();
    const headers = { trace: ['a-1', Buffer.from([0xff])], source: 'app' };
    const key = Buffer.from([0xfe]);
    const timestamp = '1767571200000';
    const messages = [
      { key, value: 'junk', headers, timestamp },
      { key: 'k', value: null, headers, timestamp },
      { value: 'plain', timestamp },
    ];
    await producer.send({ topic, messages });
    await producer.disconnect();
    const { store } = await openDataDirectory(join(folder, topic));
    await ingester(topic, store).run();
    const [first, second, third] = await committedDeadLetters(store);
    const kept = [
      { name: 'trace', value: 'a-1' },
      { name: 'trace', value: '/w==', encoding: 'base64' },
      { name: 'source', value: 'app' },
    ];
    expect(first).toMatchObject({ key: '/g==', key_encoding: 'base64', headers: kept });
    expect(second).toMatchObject({ value: '', key: 'k', headers: kept });
    expect(third).toMatchObject({ value: 'plain' });
    expect([third?.['key'], third?.['headers']]).toEqual([undefined, undefined]);
  }, 60_000);

  it('starts at the earliest record, and refuses to pass over records deleted unread', async () => {
    const topic = 'retention';
    const address = { brokers: [broker.address], topic };
    await createTopic({ ...address, partitions: 1 });
    const { records } = makeRecords(60, { poisonEvery: 1000 });
    const sink = await createKafkaSink(address);
    await sink.write(records.slice(0, 20));
    const admin = kafkaOf().admin();
    await admin.connect();
    const deleteBefore = async (offset: string): Promise<void> => {
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset }] });
    };
    await deleteBefore('5');
    const { store } = await openDataDirectory(join(folder, topic));
    expect(await ingester(topic, store).run()).toMatchObject({ rows: 15 });
    await sink.write(records.slice(20, 40));
    await deleteBefore('30');
    await expect(ingester(topic, store).run()).rejects.toMatchObject({
      code: 'INGEST_OFFSET_LOST',
      details: { next: 20, found: 30 },
    });
    expect(await openLedger(store, topic, 0).tail()).toBe(20n);
    await sink.close();
    await admin.disconnect();
  }, 60_000);

  it('says at once that a topic does not exist', async () => {
    const { store } = await openDataDirectory(join(folder, 'mistyped'));
    const began = performance.now();
    await expect(ingester('mistyped', store).run()).rejects.toMatchObject({
      code: 'INGEST_SOURCE',
      message: `Kafka at ${broker.address}: there is no topic mistyped that this user may read`,
    });
    expect(performance.now() - began).toBeLessThan(3000);
  });

  it('says which broker does not answer', async () => {
    const { store } = await openDataDirectory(join(folder, 'nobody'));
    const source = createKafkaSource({
      brokers: ['127.0.0.1:1'],
      topic: 'none',
      groupId: 'none',
      sessionTimeoutMs: 6000,
      log: silentLogger,
    });
    const run = createIngester({
      ...SETTINGS,
      source,
      store,
      utcOffsetMinutes: 0,
      clock: () => performance.now(),
      log: silentLogger,
    }).run();
    await expect(run).rejects.toMatchObject({
      code: 'INGEST_SOURCE',
      message: expect.stringContaining('127.0.0.1:1') as string,
    });
  }, 60_000);
});
