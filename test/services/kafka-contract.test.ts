// What the ingester relies on in kafkajs and in the broker. KAFKA_VERSION=3.9.2 runs it on another release.
import { mkdtemp, rm } from 'node:fs/promises';
import zlib from 'node:zlib';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import kafkajs, { type Batch, type Consumer, type EachBatchPayload } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Logger, silentLogger } from '../../src/core/index.ts';
import {
  createIngester,
  createKafkaSink,
  createKafkaSource,
  createTopic,
  type IngesterOptions,
  openKafkaSecurity,
} from '../../src/ingest/index.ts';
import { createKafka } from '../../src/ingest/kafka-client.ts';
import { openDataDirectory, openLedger, readLedgers } from '../../src/store/index.ts';
import { makeRecords, outcomeEvent, recordOf, TASKS } from '../helpers/ingest-records.ts';
import { committedRows } from '../helpers/ingest-rows.ts';
import { type Broker, brokerMissing, startBroker } from '../helpers/kafka.ts';

const missing = brokerMissing();
if (missing !== undefined) {
  if (process.env['CI'] === 'true') throw new Error(missing);
  console.warn(`\n*** KAFKA CONTRACT TESTS SKIPPED: ${missing} ***\n`);
}
const CREDENTIALS = { VAMO_KAFKA_USERNAME: 'vamo', VAMO_KAFKA_PASSWORD: 'vamo-secret' };
const TIME = '1767571200000';
const valueOf = (event_id: string): string => recordOf(outcomeEvent({ event_id })).value;

describe.skipIf(missing !== undefined)('kafkajs and the broker', () => {
  let broker: Broker;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vamo-contract-'));
    broker = await startBroker('secure');
  }, 120_000);
  afterAll(async () => {
    await broker.wipe();
    await rm(folder, { recursive: true });
  });

  const addressOf = (topic: string) => ({ brokers: [broker.address], topic });
  const portAbove = (n: number): string => `127.0.0.1:${Number(broker.address.split(':')[1]) + n}`;
  const clientOf = () =>
    new kafkajs.Kafka({ brokers: [broker.address], logLevel: kafkajs.logLevel.NOTHING });

  async function withTopic(topic: string, values: readonly string[]): Promise<void> {
    await createTopic({ ...addressOf(topic), partitions: 1 });
    const sink = await createKafkaSink(addressOf(topic));
    await sink.write(values.map((value) => ({ key: 'k', arrivalMs: Number(TIME), value })));
    await sink.close();
  }

  /** Runs a consumer as the source does until `done`; it is placed by a seek when it has joined. */
  async function consume(
    topic: string,
    from: number,
    eachBatch: (payload: EachBatchPayload) => Promise<void>,
    watch: (consumer: Consumer, done: () => void) => void,
    sessionTimeout = 6000,
  ): Promise<void> {
    const consumer = createKafka(addressOf(topic)).consumer({
      groupId: `contract-${topic}`,
      sessionTimeout,
      heartbeatInterval: 300,
      maxWaitTimeInMs: 100,
    });
    consumer.on(consumer.events.GROUP_JOIN, () => {
      consumer.seek({ topic, partition: 0, offset: String(from) });
    });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const finished = new Promise<void>((done) => watch(consumer, done));
    await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch });
    await finished;
    await consumer.disconnect();
  }

  async function open(
    topic: string,
    over: Partial<IngesterOptions['ingest']> & {
      readonly checkMs?: number;
      readonly log?: Logger;
    } = {},
    security: ReturnType<typeof openKafkaSecurity> = {},
    brokers = [broker.address],
    clock = () => performance.now(),
  ) {
    const { checkMs, log = silentLogger, ...ingest } = over;
    const { store } = await openDataDirectory(join(folder, topic));
    const ingester = createIngester({
      source: createKafkaSource({
        brokers,
        topic,
        security,
        groupId: `${topic}-group`,
        sessionTimeoutMs: 6000,
        log,
        ...(checkMs === undefined ? {} : { checkMs }),
      }),
      store,
      tasks: TASKS,
      utcOffsetMinutes: 0,
      ingest: { flushRows: 1000, flushMs: 200, maxBadShare: 0.2, ...ingest },
      clock,
      log: silentLogger,
    });
    return { ingester, store };
  }

  async function run(...args: Parameters<typeof open>) {
    const { ingester, store } = await open(...args);
    return { stats: await ingester.run(), store };
  }

  it('tells the offset it asked for, and takes up a seek made inside the handler', async () => {
    await withTopic('asked', ['0', '1', '2', '3', '4', '5']);
    const asked: number[] = [];
    let finish = (): void => undefined;
    await consume(
      'asked',
      2,
      ({ batch }) => {
        asked.push(Number((batch as Batch & { fetchedOffset: string }).fetchedOffset));
        expect(batch.messages[0]?.value?.toString()).toBe(String(asked.at(-1)));
        expect(batch.lastOffset()).toBe('5');
        if (asked.length >= 2) finish();
        else back();
        return Promise.resolve();
      },
      (consumer, done) => {
        finish = done;
        back = () => consumer.seek({ topic: 'asked', partition: 0, offset: '4' });
      },
    );
    expect(asked.slice(0, 2)).toEqual([2, 4]);
  }, 30_000);
  let back = (): void => undefined;

  it('hides what transactions aborted that began before the fetch, and tells of batches of nothing else', async () => {
    const topic = 'aborted';
    await createTopic({ ...addressOf(topic), partitions: 1 });
    const producers = ['a', 'b'].map((id) =>
      clientOf().producer({ idempotent: true, transactionalId: id, maxInFlightRequests: 1 }),
    );
    for (const producer of producers) await producer.connect();
    const transactions = await Promise.all(producers.map((producer) => producer.transaction()));
    const [a, b] = transactions;
    for (const [transaction, value] of [
      [a, 'a-0'],
      [b, 'b-1'],
      [a, 'a-2'],
      [b, 'b-3'],
    ] as const)
      await transaction!.send({ topic, messages: [{ value, key: 'k', timestamp: TIME }] });
    for (const transaction of transactions) await transaction.abort();
    for (const producer of producers) await producer.disconnect();
    const passed: string[] = [];
    const seen: string[] = [];
    const note = ({ batch }: EachBatchPayload): Promise<void> => {
      seen.push(...batch.messages.map(({ value }) => String(value)));
      return Promise.resolve();
    };
    await consume(topic, 2, note, (consumer, done) => {
      consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
        if (payload.batchSize === 0) passed.push(`${payload.firstOffset} to ${payload.lastOffset}`);
        if (Number(payload.lastOffset) >= 5) done();
      });
    });
    expect(seen).toEqual([]);
    // One of the records, one of the two markers: the broker cuts there.
    expect(passed.join()).toMatch(/^2 to (5|3,4 to 5)$/);
  }, 30_000);

  it('keeps a member whose handler outlasts the session, as long as it beats', async () => {
    await withTopic('slow', ['0', '1']);
    let calls = 0;
    await consume(
      'slow',
      0,
      async (payload) => {
        calls += 1;
        const end = Date.now() + 3500;
        for (; Date.now() < end; await wait(200)) await payload.heartbeat();
        payload.resolveOffset(payload.batch.lastOffset());
      },
      (consumer, done) => {
        consumer.on(consumer.events.END_BATCH_PROCESS, () => setTimeout(done, 1000));
      },
      1500,
    );
    expect(calls).toBe(1);
  }, 30_000);

  it('reads with credentials, with TLS and with both; wrong ones are refused with the reason', async () => {
    const { records } = makeRecords(30, { poisonEvery: 1000 });
    const caFile = join(broker.data, 'tls/ca.pem');
    const tls = { caFile, certFile: null, keyFile: null };
    const values = records.map(({ value }) => value);
    for (const [topic, port, mechanism, encrypted] of [
      ['plain', 2, 'plain', false],
      ['scram256', 2, 'scram-sha-256', false],
      ['scram512', 3, 'scram-sha-512', true],
      ['tls', 4, null, true],
    ] as const) {
      await withTopic(topic, values);
      const sasl = mechanism === null ? null : { mechanism };
      const security = openKafkaSecurity({ tls: encrypted ? tls : null, sasl }, CREDENTIALS);
      const { stats } = await run(topic, {}, security, [portAbove(port)]);
      expect([topic, stats.rows]).toEqual([topic, 30]);
    }
    const sasl = { mechanism: 'plain' } as const;
    const wrong = openKafkaSecurity(
      { tls: null, sasl },
      { ...CREDENTIALS, VAMO_KAFKA_PASSWORD: 'other' },
    );
    await expect(run('plain', {}, wrong, [portAbove(2)])).rejects.toMatchObject({
      code: 'INGEST_SOURCE',
      message: expect.stringMatching(/authentication/i) as string,
    });
    await expect(run('tls', {}, { ssl: true }, [portAbove(4)])).rejects.toMatchObject({
      code: 'INGEST_SOURCE',
      message: expect.stringMatching(/certificate/i) as string,
    });
    expect(() => openKafkaSecurity({ tls: null, sasl }, {})).toThrow(/VAMO_KAFKA_USERNAME/);
    expect(() =>
      openKafkaSecurity({ tls: { ...tls, caFile: '/none.pem' }, sasl: null }, {}),
    ).toThrow(/source\.kafka\.tls\.caFile.*\/none\.pem/);
  }, 60_000);

  it('reads gzip, lz4, snappy and zstd, or names the package that is missing', async () => {
    const admin = clientOf().admin();
    await admin.connect();
    const values = Array.from({ length: 40 }, (_, i) => valueOf(`o-${i}`));
    for (const codec of ['gzip', 'lz4', 'snappy', 'zstd']) {
      const topic = `codec-${codec}`;
      // The broker compresses what it is given.
      const configEntries = [{ name: 'compression.type', value: codec }];
      await admin.createTopics({ waitForLeaders: true, topics: [{ topic, configEntries }] });
      await withTopic(topic, values);
      if (codec === 'zstd' && !('zstdDecompress' in zlib)) {
        await expect(run(topic)).rejects.toMatchObject({
          code: 'INGEST_CODEC',
          message: expect.stringContaining('@mongodb-js/zstd is missing') as string,
        });
        continue;
      }
      const { stats, store } = await run(topic);
      expect([topic, stats.rows]).toEqual([topic, 40]);
      const ids = [...(await committedRows(store)).values()].flat().map((row) => row['event_id']);
      expect(new Set(ids).size).toBe(40);
    }
    await admin.disconnect();
  }, 60_000);

  const deleteBefore = async (topic: string, offset: string): Promise<void> => {
    const admin = clientOf().admin();
    await admin.connect();
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset }] });
    await admin.disconnect();
  };

  it('enters records deleted unread in the ledger when it is told to, and goes on', async () => {
    const topic = 'gap';
    const values = Array.from({ length: 20 }, (_, i) => valueOf(`o-${i}`));
    await withTopic(topic, values.slice(0, 10));
    expect((await run(topic)).stats.rows).toBe(10);
    await withTopic(topic, values.slice(10));
    await deleteBefore(topic, '15');
    await expect(run(topic)).rejects.toMatchObject({ code: 'INGEST_OFFSET_LOST' });
    const { stats, store } = await run(topic, { onGap: 'record-gap' });
    expect(stats).toMatchObject({ rows: 5, gaps: 1 });
    const entries = await readLedgers(store);
    expect(entries.map(({ from, to, gap = false }) => [from, to, gap])).toEqual([
      ['0', '10', false],
      ['10', '15', true],
      ['15', '20', false],
    ]);
    const rows = [...(await committedRows(store)).values()].flat();
    expect(rows.map((row) => row['event_id']).slice(10)).toEqual(
      [15, 16, 17, 18, 19].map((i) => `o-${i}`),
    );
  }, 60_000);

  it('reads again what another committed first, in a partition to which no record comes', async () => {
    const topic = 'quiet';
    await withTopic(
      topic,
      Array.from({ length: 10 }, (_, i) => valueOf(`o-${i}`)),
    );
    let now = 0;
    const { ingester, store } = await open(topic, {}, {}, [broker.address], () => now);
    const stop = new AbortController();
    const running = ingester.run({ signal: stop.signal, until: 'forever' });
    const buffered = () => ingester.snapshot().partitions[0]?.buffered;
    await vi.waitFor(() => expect(buffered()).toBe(10), 10_000);
    // A late commit of the reader before this one.
    const rival = await openLedger(store, topic, 0).commit({
      schema: 'ledger/v1',
      topic,
      partition: 0,
      from: '0',
      to: '4',
      nonce: 'late',
      records: 4,
      maxArrivalMs: Number(TIME),
      segments: [],
      deadLetters: null,
    });
    expect(rival).toBe('committed');
    now = 1000;
    await vi.waitFor(() => expect(ingester.snapshot().stats?.lost).toBe(1), 3000);
    await vi.waitFor(() => expect(buffered()).toBe(6), 3000);
    stop.abort();
    expect(await running).toMatchObject({ rows: 6, lost: 1, seeks: 0 });
    const rows = [...(await committedRows(store)).values()].flat();
    expect(rows.map((row) => row['event_id'])).toEqual([4, 5, 6, 7, 8, 9].map((i) => `o-${i}`));
  }, 60_000);

  it('tells once that the broker is away and once that it is back, and goes on', async () => {
    const topic = 'restarted';
    await withTopic(topic, [valueOf('before')]);
    const told: string[] = [];
    const tell = (event: string): void => void told.push(event);
    const log = { ...silentLogger, warn: tell };
    const { ingester, store } = await open(topic, { log });
    const stop = new AbortController();
    const running = ingester.run({ signal: stop.signal, until: 'forever' });
    const committed = (rows: number) =>
      vi.waitFor(() => expect(ingester.snapshot().stats?.rows).toBe(rows), 60_000);
    await committed(1);
    // Longer than the client tries by itself: a shorter absence need not be told of.
    await broker.killAndRestart(15_000);
    await withTopic(topic, [valueOf('after')]);
    await committed(2);
    expect(told).toEqual(['kafka.reconnecting', 'kafka.up']);
    stop.abort();
    await running;
    expect([...(await committedRows(store)).values()].flat()).toHaveLength(2);
  }, 120_000);

  it('stops when the topic was deleted and made again, at its start and while it runs', async () => {
    const topic = 'again';
    await withTopic(
      topic,
      Array.from({ length: 10 }, (_, i) => valueOf(`o-${i}`)),
    );
    const { store } = await run(topic);
    const remake = async (): Promise<void> => {
      const admin = clientOf().admin();
      await admin.connect();
      await admin.deleteTopics({ topics: [topic] });
      await wait(500);
      await admin.disconnect();
      await withTopic(topic, [valueOf('new')]);
    };
    const { ingester } = await open(topic, { checkMs: 300 });
    const changed = expect(ingester.run({ until: 'forever' })).rejects.toMatchObject({
      code: 'INGEST_SOURCE_CHANGED',
      details: { next: 10, found: expect.toBeOneOf([0, 1]) as number },
    });
    await wait(2000);
    await remake();
    await changed;
    await expect(run(topic)).rejects.toMatchObject({ code: 'INGEST_SOURCE_CHANGED' });
    expect(await openLedger(store, topic, 0).tail()).toBe(10n);
  }, 60_000);
});
