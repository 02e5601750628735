// Days of a topic of which most partitions get no record, sealed by `vamo seal` against a real broker.
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AuctionEvent } from '../../src/contracts/index.ts';
import { dayOf } from '../../src/core/index.ts';
import { createKafkaSink, createTopic } from '../../src/ingest/index.ts';
import { outcomeEvent, recordOf } from '../helpers/ingest-records.ts';
import { type Broker, brokerMissing, startBroker } from '../helpers/kafka.ts';
import { type Night, openWorkshop, type Workshop } from '../helpers/pipeline.ts';

const missing = brokerMissing();
if (missing !== undefined) {
  if (process.env['CI'] === 'true') throw new Error(missing);
  console.warn(`\n*** KAFKA TESTS OF IDLE PARTITIONS SKIPPED: ${missing} ***\n`);
}

const TOPIC = 'one-key';
const PARTITIONS = 6;
const START = Date.parse('2026-01-05T12:00:00Z');
const DAY_MS = 86_400_000;

interface Sealed {
  readonly sealed: readonly { readonly day: string; readonly counts: { accepted: number } }[];
  readonly waiting: readonly { readonly day: string; readonly reason: string }[];
}
/** A campaign's budget and an outcome. */
function eventsAt(event_time: number, campaign_id: string): AuctionEvent[] {
  const own = { event_time, campaign_id, event_id: `${campaign_id}-${event_time}` };
  const terms = { advertiser_id: 'a', task: 'store', budget: 1e9, cpa_limit: 0 };
  const day = dayOf(event_time);
  return [{ kind: 'campaign', ...own, ...terms, day, status: 'active' }, outcomeEvent(own)];
}
const daysOf = ({ sealed }: Sealed): string[] => sealed.map(({ day }) => day);

describe.skipIf(missing !== undefined)('a topic with idle partitions', { timeout: 180_000 }, () => {
  let broker: Broker;
  let workshop: Workshop;
  let night: Night;
  beforeAll(async () => {
    workshop = await openWorkshop();
    broker = await startBroker();
    const kafka = { brokers: [broker.address], sessionTimeoutMs: 6000 };
    const source = { kind: 'kafka', topic: TOPIC, partitions: PARTITIONS, kafka };
    night = await workshop.night({ source });
    await createTopic({ brokers: [broker.address], topic: TOPIC, partitions: PARTITIONS });
  }, 240_000);
  afterAll(async () => {
    await broker.wipe();
    await workshop.clean();
  });

  /** Two events at noon of each of these days after the first, all of one key unless named. */
  async function send(days: readonly number[], campaign_id = 'c-1'): Promise<void> {
    const sink = await createKafkaSink({ brokers: [broker.address], topic: TOPIC });
    const events = days.flatMap((n) => eventsAt(START + n * DAY_MS, campaign_id));
    await sink.write(events.map((event) => recordOf(event)));
    await sink.close();
  }

  it('closes its days, and says what the others wait for', async () => {
    await send([0, 1, 2]);
    await night.ok('ingest');
    const result = await night.ok<Sealed>('seal');
    expect(daysOf(result)).toEqual(['2026-01-05', '2026-01-06']);
    expect(result.sealed.map(({ counts }) => counts.accepted)).toEqual([2, 2]);
    expect(result.waiting).toEqual([
      {
        day: '2026-01-07',
        reason: expect.stringMatching(
          /nothing from 2026-01-08T00:10:00.000Z or later is ingested from partition 0, 1, 2, 3, 4, 5 of one-key$/,
        ) as string,
      },
    ]);
  });

  it('waits for what is not ingested yet, also with --at-end', async () => {
    await send([3]);
    await night.ok('ingest');
    await send([2], 'c-2');
    const behind = /partition \d of one-key is 2 offsets behind its end$/;
    const { waiting } = await night.ok<Sealed>('seal');
    expect(waiting[0]).toMatchObject({
      day: '2026-01-07',
      reason: expect.stringMatching(behind) as string,
    });
    const refused = await night.fails('DAY_NOT_READY', 'seal', '--day', '2026-01-07', '--at-end');
    expect(refused.message).toMatch(behind);
    await night.ok('ingest');
    const result = await night.ok<Sealed>('seal');
    expect(daysOf(result)).toEqual(['2026-01-07']);
    expect(result.sealed[0]?.counts.accepted).toBe(4);
  });

  it('says when the broker cannot be asked', async () => {
    const away = await night.with({ source: { kafka: { brokers: ['127.0.0.1:1'] } } });
    const { waiting } = await away.ok<Sealed>('seal');
    expect(waiting[0]?.reason).toMatch(/; where it ends cannot be asked: Kafka at 127\.0\.0\.1:1/);
  });

  it('closes a day by the clock alone when the brokers stamp its records', async () => {
    const kafka = new kafkajs.Kafka({
      brokers: [broker.address],
      logLevel: kafkajs.logLevel.NOTHING,
    });
    const admin = kafka.admin();
    await admin.connect();
    const configEntries = [{ name: 'message.timestamp.type', value: 'LogAppendTime' }];
    const type = kafkajs.ConfigResourceTypes.TOPIC;
    await admin.alterConfigs({
      validateOnly: false,
      resources: [{ type, name: TOPIC, configEntries }],
    });
    await admin.disconnect();
    const result = await night.ok<Sealed>('seal');
    expect(daysOf(result)).toEqual(['2026-01-08']);
    expect(result.waiting).toEqual([]);
  });
});
