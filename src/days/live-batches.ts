import type { LiveRange } from '../clickhouse/index.ts';
import type { SegmentRef } from '../contracts/index.ts';

/** A committed segment that is not in ClickHouse yet. */
export interface Pending {
  readonly segment: SegmentRef;
  readonly range: LiveRange;
}

/** Segments of one day and partition. */
export type Pendings = [Pending, ...Pending[]];

/** Rows that go in by one statement: few enough to be one part, and enough not to be a small one. */
const ROWS_TOGETHER = 400_000;

/** Day and partition of segments, and those that wait of them. */
export function byPlace(waiting: Iterable<Pending>): ReadonlyMap<string, Pendings> {
  const places = new Map<string, Pendings>();
  for (const one of waiting) {
    const place = `${one.range.day}/${one.range.partition}`;
    const others = places.get(place);
    if (others) others.push(one);
    else places.set(place, [one]);
  }
  return places;
}

/** Cuts a list of segments where the rows would be too many for one statement. */
export function inBatches(ones: readonly Pending[]): Pendings[] {
  const batches: Pendings[] = [];
  let room = 0;
  for (const one of ones) {
    const last = batches.at(-1);
    if (last && one.segment.rows <= room) last.push(one);
    else {
      batches.push([one]);
      room = ROWS_TOGETHER;
    }
    room -= one.segment.rows;
  }
  return batches;
}
