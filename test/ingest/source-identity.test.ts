// Which source a data directory belongs to: a topic that got more partitions, and records deleted unread.
import { beforeEach, describe, expect, it } from 'vitest';
import type { SourceIdentity } from '../../src/contracts/index.ts';
import { silentLogger } from '../../src/core/index.ts';
import { readLive } from '../../src/days/index.ts';
import { boundedSource, createIngester, type EventSource } from '../../src/ingest/index.ts';
import type { SourceHandler } from '../../src/ingest/event-source.ts';
import { createGroupReader } from '../../src/ingest/kafka-group-reader.ts';
import { checkSource, keepSource } from '../../src/ingest/source-identity.ts';
import {
  type ObjectStore,
  openLedger,
  readLedgers,
  recordedSource,
  recordGrowth,
} from '../../src/store/index.ts';
import { outcomeEvent, recordOf, TASKS } from '../helpers/ingest-records.ts';
import { memoryStore } from '../helpers/memory-store.ts';

const topicOf = (partitions: number, starts?: number[]): SourceIdentity => ({
  schema: 'source/v1',
  kind: 'kafka',
  id: 'cluster',
  topic: 't',
  partitions,
  ...(starts === undefined ? {} : { starts }),
});

let store: ObjectStore;
beforeEach(() => {
  store = memoryStore();
});

describe('the recorded source', () => {
  it('is the first that was found, and never another cluster or topic', async () => {
    expect(await checkSource(store, topicOf(2, [5, 0]))).toEqual(topicOf(2, [5, 0]));
    expect(await checkSource(store, topicOf(2, [9, 9]))).toEqual(topicOf(2, [5, 0]));
    await expect(checkSource(store, { ...topicOf(2), id: 'other' })).rejects.toMatchObject({
      code: 'INGEST_SOURCE_CHANGED',
      mend: expect.stringContaining('source.kafka.brokers') as string,
    });
    await expect(checkSource(store, topicOf(1))).rejects.toMatchObject({
      details: { field: 'partitions', found: 1, recorded: 2 },
      mend: expect.stringContaining('another one of its name') as string,
    });
  });

  it('is recorded of files only when something of them is to be committed, by the first', async () => {
    const filesOf = (id: string) => ({ ...topicOf(2), kind: 'files' as const, id });
    expect(await checkSource(store, filesOf('a'))).toEqual(filesOf('a'));
    expect(await recordedSource(store)).toBeUndefined();
    await keepSource(store, filesOf('b'));
    await expect(keepSource(store, filesOf('a'))).rejects.toMatchObject({
      code: 'INGEST_SOURCE_CHANGED',
    });
    expect(await recordedSource(store)).toEqual(filesOf('b'));
  });

  it('takes more partitions when they are accepted, and not before', async () => {
    await checkSource(store, topicOf(2, [5, 0]));
    for (const accepted of [undefined, 3])
      await expect(checkSource(store, topicOf(4), accepted)).rejects.toMatchObject({
        code: 'INGEST_SOURCE_CHANGED',
        mend: expect.stringContaining('vamo ingest --accept-partitions 4') as string,
      });
    expect((await recordedSource(store))?.partitions).toBe(2);
    const grown = topicOf(4, [5, 0, 0, 0]);
    expect(await checkSource(store, topicOf(4, [8, 3, 7, 0]), 4)).toEqual(grown);
    // Again, as after a kill, or by the next ingester that is told so.
    expect(await checkSource(store, topicOf(4, [9, 9, 9, 9]), 4)).toEqual(grown);
    expect((await checkSource(store, topicOf(12), 12)).partitions).toBe(12);
    expect((await recordedSource(store))?.partitions).toBe(12);
  });

  it('keeps what was not known of old partitions unknown', async () => {
    await checkSource(store, topicOf(1));
    expect((await checkSource(store, topicOf(2, [4, 6]), 2)).starts).toEqual([null, 0]);
  });

  it('grows to one number when two accept at once', async () => {
    const known = await checkSource(store, topicOf(2));
    await recordGrowth(store, known, topicOf(3));
    await recordGrowth(store, known, topicOf(4));
    expect((await recordedSource(store))?.partitions).toBe(3);
    expect((await checkSource(store, topicOf(4), 4)).partitions).toBe(4);
  });
});

/** A topic of a few records a partition; its groups' members are given partitions by `assign`. */
function fakeTopic(lows: number[], highs: number[]) {
  const topic = {
    lows,
    highs,
    grow(): void {
      lows.push(0);
      highs.push(2);
    },
    /** What is done once the first assignment was read. */
    then: (_assign: (count: number) => Promise<void>): Promise<void> => Promise.resolve(),
  };
  const source: EventSource = {
    topic: 't',
    identity: () => Promise.resolve(topicOf(lows.length, [...lows])),
    ends: () => Promise.resolve([...highs]),
    hint: () => undefined,
    async run(handler: SourceHandler) {
      const asked = new Map<number, number>();
      const reader = createGroupReader({
        topic: 't',
        handler,
        seek: (p, next) => void asked.set(p, next),
        watermarks: () => Promise.resolve(lows.map((low, p) => ({ low, high: highs[p] ?? 0 }))),
      });
      const assign = async (count: number): Promise<void> => {
        asked.clear();
        await reader.assign(Array.from({ length: count }, (_, p) => p));
        for (const [partition, from] of asked) {
          const to = highs[partition] ?? 0;
          const records = Array.from({ length: to - from }, (_, i) => {
            const { arrivalMs, value } = recordOf(outcomeEvent({ event_id: `${partition}-${i}` }));
            return { offset: from + i, arrivalMs, value };
          });
          if (to > from) await handler.batch({ partition, from, to, records });
        }
      };
      await assign(lows.length);
      await topic.then(assign);
      await handler.drain();
    },
  };
  return { topic, source };
}

const ingest = (
  source: EventSource,
  over: { onGap?: 'record-gap'; acceptPartitions?: number } = {},
) =>
  createIngester({
    source,
    store,
    tasks: TASKS,
    utcOffsetMinutes: 0,
    ingest: { flushRows: 1e9, flushMs: 1e9, maxBadShare: 1, ...over },
    acceptPartitions: over.acceptPartitions,
    clock: () => 0,
    log: silentLogger,
  }).run({ until: 'forever' });

const committed = async () =>
  (await readLedgers(store)).map(({ partition, from, to, gap = false }) => [
    partition,
    Number(from),
    Number(to),
    gap,
  ]);

describe('a topic that grows while it is read', () => {
  it('stops the reader that is given a new partition before anything of it is committed', async () => {
    const { topic, source } = fakeTopic([0, 0], [3, 1]);
    topic.then = (assign) => {
      topic.grow();
      return assign(3);
    };
    await expect(ingest(source)).rejects.toMatchObject({
      code: 'INGEST_SOURCE_CHANGED',
      details: { found: 3, recorded: 2 },
      mend: expect.stringContaining('--accept-partitions 3') as string,
    });
    expect(await openLedger(store, 't', 2).last()).toBeUndefined();
    topic.then = () => Promise.resolve();
    await expect(ingest(source)).rejects.toMatchObject({ code: 'INGEST_SOURCE_CHANGED' });
    await ingest(source, { acceptPartitions: 3 });
    expect((await committed()).map(([p]) => p)).toEqual([0, 1, 2]);
    // Whatever the configuration says.
    const live = await readLive(store, { topic: 't', partitions: 1 });
    expect(live.partitions.map((entries) => entries.length)).toEqual([1, 1, 1]);
  });

  it('goes on with a new partition that another ingester was told to accept', async () => {
    const { topic, source } = fakeTopic([0, 0], [3, 1]);
    topic.then = async (assign) => {
      topic.grow();
      await checkSource(store, await source.identity(), 3);
      await assign(3);
    };
    expect(await ingest(source)).toMatchObject({ records: 6 });
  });

  it('does not grow the part of it that a backfill reads', async () => {
    const { topic, source } = fakeTopic([0, 0], [3, 1]);
    const part = boundedSource(source, [
      { from: 1, to: 2 },
      { from: 0, to: 1 },
    ]);
    topic.then = (assign) => {
      topic.grow();
      return assign(3);
    };
    expect(await ingest(part)).toMatchObject({ records: 2 });
    expect(await recordedSource(store)).toEqual(topicOf(2));
    topic.then = () => Promise.resolve();
    expect(await ingest(part)).toMatchObject({ records: 0 });
  });
});

describe('a partition of which nothing is committed', () => {
  it('is begun at the first record there was when the source was recorded', async () => {
    const { source } = fakeTopic([4], [6]);
    await ingest(source);
    expect(await committed()).toEqual([[0, 0, 6, false]]);
  });

  it('has lost what was deleted since', async () => {
    await checkSource(store, topicOf(2, [4, 0]));
    const { source } = fakeTopic([7, 0], [9, 1]);
    await expect(ingest(source)).rejects.toMatchObject({
      code: 'INGEST_OFFSET_LOST',
      details: { partition: 0, next: 4, found: 7 },
      mend: expect.stringContaining('ingest.onGap') as string,
    });
    expect(await committed()).toEqual([]);
    await ingest(source, { onGap: 'record-gap' });
    expect(await committed()).toEqual([
      [0, 0, 4, false],
      [0, 4, 7, true],
      [0, 7, 9, false],
      [1, 0, 1, false],
    ]);
  });

  it('is begun at what there is where the record does not say', async () => {
    await checkSource(store, topicOf(1));
    await ingest(fakeTopic([7], [9]).source);
    expect(await committed()).toEqual([[0, 0, 9, false]]);
  });
});
