import { describe, expect, it } from 'vitest';
import type { LedgerEntry } from '../../src/contracts/index.ts';
import { goesBackTo } from '../../src/days/live.ts';

const entry = (records: number, maxArrivalMs: number): LedgerEntry =>
  ({ records, maxArrivalMs }) as LedgerEntry;

describe('how far back the live source goes', () => {
  const of = (...entries: LedgerEntry[]) => ({ topic: 't', partitions: [entries] });

  it('is told by the first range that holds a record', () => {
    expect(goesBackTo(of(entry(3, 500), entry(3, 900)), 500)).toBe(true);
    expect(goesBackTo(of(entry(3, 500)), 499)).toBe(false);
  });

  it('is not told by a range that only passes over deleted offsets', () => {
    expect(goesBackTo(of(entry(0, 0), entry(3, 900)), 500)).toBe(false);
    expect(goesBackTo(of(entry(0, 0)), 500)).toBe(false);
  });
});
