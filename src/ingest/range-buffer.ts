import type { DeadLetterRef, LedgerEntry, SegmentRef } from '../contracts/index.ts';
import { dayOf, MINUTE_MS, sha256 } from '../core/index.ts';
import type { ObjectStore, SegmentBuilder } from '../store/index.ts';
import type { BadPlace } from './bad-window.ts';
import type { BuilderPool } from './builder-pool.ts';
import {
  type BadRecord,
  badTime,
  type Decoded,
  type PlacedEvent,
  type ScannedRecord,
} from './decode-record.ts';
import { deadLetter } from './dead-letter.ts';
import type { ReadRecord } from './event-source.ts';

type Bad = Extract<Decoded, { readonly bad: object }>;
type Mark = NonNullable<LedgerEntry['marks']>[number];

/** A cut lies at a whole minute: of the arrivals in one minute the first is enough. */
const minuteOf = (ms: number): number => Math.floor(ms / MINUTE_MS);

/** When a record arrived that gives no row; undefined when nothing tells. */
function toldArrival(
  { arrivalMs: ofSource }: ReadRecord,
  { arrivalMs = ofSource }: { readonly arrivalMs?: number },
): number | undefined {
  return badTime(arrivalMs) === undefined ? arrivalMs : undefined;
}

/** What has been read of one partition since its last commit: an offset range not yet in the ledger. */
export interface RangeBuffer {
  readonly from: number;
  /** Records read = filtered + bad + those that gave rows, or only repeats of `once` events. */
  readonly records: number;
  readonly rows: number;
  readonly filtered: number;
  readonly bad: number;
  /** Where they are, and why. */
  badRecords(): BadPlace[];
  /** Largest arrival time so far, those before this range included. */
  readonly maxArrivalMs: number;
  add(record: ReadRecord, decoded: Decoded): void;
  /** The same for a scanned record, which is used up when this returns. */
  addScanned(record: ReadRecord, scanned: ScannedRecord): void;
  /** Memory of its builders. */
  readonly bytes: number;
  /** Gives the builders back: the range is committed, or forgotten. */
  release(): void;
  /** Makes the range's files durable; they become visible only with the entry returned. */
  write(store: ObjectStore, to: number, nonce: string): Promise<LedgerEntry>;
}

export interface RangeStart {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly maxArrivalMs: number;
  readonly utcOffsetMinutes: number;
  readonly builders: BuilderPool;
}

export function createRangeBuffer(start: RangeStart): RangeBuffer {
  const { topic, partition, from, utcOffsetMinutes, builders } = start;
  const segments = new Map<string, SegmentBuilder>();
  const deadLetters: string[] = [];
  const marks: Mark[] = [];
  /** Bad records before any that tells when it arrived: they had come by the end of the range. */
  const undated: [ReadRecord, Bad][] = [];
  const badByDay: Record<string, number> = {};
  /** Events that many records give, by kind and id: those that are in. */
  const once = new Set<string>();
  let { maxArrivalMs } = start;
  let records = 0;
  let rows = 0;
  let filtered = 0;
  /** Records that gave only what is in already. */
  let repeated = 0;

  const segmentOf = (day: string): SegmentBuilder => {
    let segment = segments.get(day);
    if (segment === undefined) segments.set(day, (segment = builders.take()));
    return segment;
  };

  function isFirst({ event, day }: PlacedEvent): boolean {
    const key = `${day}/${event.kind}/${event.event_id}`;
    if (once.has(key)) return false;
    once.add(key);
    return true;
  }

  function addRow({ offset }: ReadRecord, { event, day }: PlacedEvent, arrivalMs: number): void {
    if (arrivalMs > maxArrivalMs) maxArrivalMs = arrivalMs;
    segmentOf(day).push(event, arrivalMs, topic, partition, offset);
    rows += 1;
  }

  /** An arrival that no row shows. */
  function noteArrival({ offset }: ReadRecord, arrivalMs: number | undefined): void {
    if (arrivalMs === undefined || arrivalMs <= maxArrivalMs) return;
    if (minuteOf(arrivalMs) > minuteOf(maxArrivalMs)) marks.push([offset, arrivalMs]);
    maxArrivalMs = arrivalMs;
  }

  function addBad(record: ReadRecord, decoded: Bad): void {
    const told = toldArrival(record, decoded);
    noteArrival(record, told);
    // A record that does not tell when it arrived came after the ones before it.
    const arrivalMs = told ?? maxArrivalMs;
    if (arrivalMs === 0) undated.push([record, decoded]);
    else addLetter(record, arrivalMs, decoded.bad);
  }

  function addLetter(record: ReadRecord, arrivalMs: number, bad: BadRecord): void {
    const day = dayOf(arrivalMs, utcOffsetMinutes);
    badByDay[day] = (badByDay[day] ?? 0) + 1;
    const place = { topic, partition, arrival_ms: arrivalMs };
    deadLetters.push(JSON.stringify(deadLetter(record, bad, place)));
  }

  async function writeSegments(store: ObjectStore, nonce: string): Promise<SegmentRef[]> {
    const refs: SegmentRef[] = [];
    for (const [day, segment] of segments) {
      const bytes = segment.finish();
      const key = `seg/day=${day}/${topic}-${partition}-${from}-${nonce}.arrow`;
      await store.put(key, bytes);
      refs.push({ key, day, rows: segment.rows, bytes: bytes.byteLength, sha256: sha256(bytes) });
    }
    return refs;
  }

  async function writeDeadLetters(
    store: ObjectStore,
    nonce: string,
  ): Promise<DeadLetterRef | null> {
    for (const [record, { bad }] of undated.splice(0)) addLetter(record, maxArrivalMs, bad);
    const rows = deadLetters.length;
    if (rows === 0) return null;
    const bytes = Buffer.from(`${deadLetters.join('\n')}\n`);
    const key = `dlq/${topic}-${partition}-${from}-${nonce}.jsonl`;
    await store.put(key, bytes);
    return { key, rows, bytes: bytes.byteLength, sha256: sha256(bytes), byDay: badByDay };
  }

  return {
    from,
    get records() {
      return records;
    },
    get rows() {
      return rows;
    },
    get filtered() {
      return filtered;
    },
    get bad() {
      return deadLetters.length + undated.length;
    },
    badRecords: () => [
      ...undated.map(([{ offset }, { bad }]) => ({ offset, ...bad })),
      ...deadLetters.map((line) => JSON.parse(line) as BadPlace),
    ],
    get bytes() {
      let sum = 0;
      for (const { bytes } of segments.values()) sum += bytes;
      return sum;
    },
    release() {
      for (const builder of segments.values()) builders.give(builder);
      segments.clear();
    },
    get maxArrivalMs() {
      return maxArrivalMs;
    },
    addScanned({ offset, arrivalMs }, { outcome, day }) {
      records += 1;
      rows += 1;
      if (arrivalMs > maxArrivalMs) maxArrivalMs = arrivalMs;
      segmentOf(day).pushScanned(outcome, arrivalMs, topic, partition, offset);
    },
    add(record, decoded) {
      records += 1;
      if (decoded.filtered !== undefined) {
        filtered += 1;
        return noteArrival(record, toldArrival(record, decoded));
      }
      if (decoded.bad !== undefined) return addBad(record, decoded);
      if (decoded.events === undefined) return addRow(record, decoded, record.arrivalMs);
      const before = rows;
      for (const row of decoded.events)
        if (row.once !== true || isFirst(row)) addRow(record, row, row.arrivalMs);
        else noteArrival(record, row.arrivalMs);
      if (rows === before) repeated += 1;
    },
    write: async (store, to, nonce) => ({
      schema: 'ledger/v1',
      topic,
      partition,
      from: String(from),
      to: String(to),
      nonce,
      records,
      ...(filtered > 0 ? { filtered } : {}),
      ...(repeated > 0 ? { repeated } : {}),
      maxArrivalMs,
      ...(marks.length > 0 ? { marks } : {}),
      segments: await writeSegments(store, nonce),
      deadLetters: await writeDeadLetters(store, nonce),
    }),
  };
}
