import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dayOf } from '../../src/core/index.ts';
import { findCut } from '../../src/days/cut.ts';
import type { RecordDecoder } from '../../src/ingest/index.ts';
import type { ReadRecord } from '../../src/ingest/event-source.ts';
import { openPartition } from '../../src/ingest/partition-ingest.ts';
import { openLedger } from '../../src/store/index.ts';
import { partitionContext } from '../helpers/ingest-partition.ts';
import { outcomeEvent } from '../helpers/ingest-records.ts';
import { memoryStore } from '../helpers/memory-store.ts';

const BASE = Date.parse('2026-01-05T00:00:00Z');
const MINUTE = 60_000;
const PARTITION = { topic: 't', partition: 0 };

/** What a record is: an event, one that many records repeat, bad, without a time of its own, left out. */
type Kind = 'row' | 'repeated' | 'bad' | 'timeless' | 'filtered';
interface Arrived {
  readonly kind: Kind;
  readonly arrivalMs: number;
}

const decoder: RecordDecoder = {
  decode({ value, offset, arrivalMs }) {
    const kind = value as Kind;
    const isRepeated = kind === 'repeated';
    const event = outcomeEvent({ event_id: isRepeated ? 'same' : `e-${offset}` });
    const placed = { event, day: dayOf(event.event_time) };
    if (kind === 'filtered') return { filtered: 'not wanted' };
    if (kind === 'row') return placed;
    if (isRepeated) return { events: [{ ...placed, arrivalMs, entry: 0, once: true }] };
    return { bad: { field: 'kind', reason: 'bad' } };
  },
};

/** Takes the records in, and commits when `flushAt` of their offsets are read. */
async function taken(arrived: readonly Arrived[], flushAt: readonly number[]) {
  const store = memoryStore();
  const partition = await openPartition(partitionContext(store, { decoder }), 0);
  for (const [offset, { kind, arrivalMs }] of arrived.entries()) {
    const record: ReadRecord = {
      offset,
      arrivalMs: kind === 'timeless' ? Number.NaN : arrivalMs,
      value: kind,
    };
    await partition.batch({ partition: 0, from: offset, to: offset + 1, records: [record] });
    if (flushAt.includes(offset + 1)) await partition.flush(true);
  }
  await partition.flush(true);
  return { store, entries: await openLedger(store, 't', 0).entries() };
}

async function cutOf(arrived: readonly Arrived[], flushAt: readonly number[], limitMs: number) {
  const { store, entries } = await taken(arrived, flushAt);
  const { offset, reached } = await findCut(store, PARTITION, entries, limitMs);
  return { offset: Number(offset), reached };
}

/** As docs/days.md has it: a record that does not tell when it arrived came with the ones before it. */
function expectedCut(arrived: readonly Arrived[], limitMs: number) {
  const first = arrived.findIndex((a) => a.kind !== 'timeless' && a.arrivalMs >= limitMs);
  return { offset: first < 0 ? arrived.length : first, reached: first >= 0 };
}

const arrived: fc.Arbitrary<Arrived> = fc.record({
  kind: fc.constantFrom<Kind[]>('row', 'repeated', 'bad', 'timeless', 'filtered'),
  // Some stand on the minute, and a producer's clock goes back as well as ahead.
  arrivalMs: fc
    .tuple(fc.integer({ min: 0, max: 5 }), fc.constantFrom(0, 1, 30_000, 59_999))
    .map(([minutes, ms]) => BASE + minutes * MINUTE + ms),
});

describe('the cut of a partition', () => {
  it('is the first offset that arrived at the limit or later, wherever flushes fell', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(arrived, { minLength: 1, maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 11 })),
        fc.integer({ min: 0, max: 6 }),
        async (records, flushAt, minutes) => {
          const limitMs = BASE + minutes * MINUTE;
          expect(await cutOf(records, flushAt, limitMs)).toEqual(expectedCut(records, limitMs));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is a bad record’s offset when that was the first, in one flush and in two', async () => {
    const [before, after] = [BASE, BASE + MINUTE];
    const records: Arrived[] = [
      { kind: 'row', arrivalMs: before },
      { kind: 'bad', arrivalMs: after },
      { kind: 'row', arrivalMs: before },
      { kind: 'row', arrivalMs: before },
    ];
    for (const flushAt of [[], [2]])
      expect(await cutOf(records, flushAt, after)).toEqual({ offset: 1, reached: true });
  });

  it('is reached by records that are left out', async () => {
    const records: Arrived[] = [BASE, BASE + MINUTE, BASE + MINUTE + 1].map((arrivalMs, i) => ({
      kind: i === 0 ? 'row' : 'filtered',
      arrivalMs,
    }));
    expect(await cutOf(records, [], BASE + MINUTE)).toEqual({ offset: 1, reached: true });
    const { entries } = await taken(records, []);
    expect(entries[0]).toMatchObject({ filtered: 2, marks: [[1, BASE + MINUTE]] });
  });

  it('of an entry without marks is the end of its range when no row tells', async () => {
    const { store, entries } = await taken([{ kind: 'bad', arrivalMs: BASE }], []);
    const { marks: _, ...old } = entries[0]!;
    const cut = await findCut(store, PARTITION, [old], BASE);
    expect(cut).toMatchObject({ offset: '1', reached: true });
  });
});
