import { describe, expect, it } from 'vitest';
import { encodeEvent, type LedgerEntry } from '../../../src/contracts/index.ts';
import { outcomeEvent } from '../../helpers/ingest-records.ts';
import type { Row } from '../../helpers/ingest-rows.ts';
import { isSound, tally } from './tally.ts';

const event = (id: string) => outcomeEvent({ event_id: id });
const topic = [0, 1, 2].map((offset) => ({
  src: `t/0/${offset}`,
  arrivalMs: 50 + offset,
  value: offset === 2 ? '{"v":1' : JSON.stringify(encodeEvent(event(`e-${offset}`))),
}));
const rows: Row[] = [0, 1].map((offset) => ({
  ...event(`e-${offset}`),
  exposed: 1,
  arrival_ms: 50 + offset,
  src: `t/0/${offset}`,
}));
const letter: Row = { topic: 't', partition: 0, offset: 2, value: '{"v":1' };
const entry = (from: number, to: number) =>
  ({ partition: 0, from: String(from), to: String(to) }) as LedgerEntry;
const sound = {
  rows,
  deadLetters: [letter],
  entries: [entry(0, 1), entry(1, 3)],
  ends: [3],
};

describe('the tally of a fault run', () => {
  it('finds nothing wrong where nothing is', () => {
    const found = tally(topic, sound);
    expect(found).toMatchObject({ missing: 0, duplicate: 0, wrong: 0, brokenChains: 0 });
    expect(isSound(found)).toBe(true);
    expect(isSound(tally([], { ...sound, rows: [], deadLetters: [] }))).toBe(false);
  });

  it.each([
    ['a missing row', { rows: rows.slice(1) }, { missing: 1 }],
    ['a missing dead letter', { deadLetters: [] }, { missing: 1 }],
    ['a row twice', { rows: [...rows, rows[0]!] }, { duplicate: 1 }],
    ['another cost', { rows: [{ ...rows[0]!, cost: 1 }, rows[1]!] }, { wrong: 1 }],
    ['another arrival', { rows: [{ ...rows[0]!, arrival_ms: 1 }, rows[1]!] }, { wrong: 1 }],
    ['a row of nothing', { rows: [...rows, { ...rows[0]!, src: 't/0/9' }] }, { wrong: 1 }],
    ['a changed dead letter', { deadLetters: [{ ...letter, value: 'x' }] }, { wrong: 1 }],
    ['a gap', { entries: [entry(0, 1), entry(2, 3)] }, { brokenChains: 1 }],
    ['an overlap', { entries: [entry(0, 2), entry(1, 3)] }, { brokenChains: 1 }],
    ['a short chain', { entries: [entry(0, 1)] }, { brokenChains: 1 }],
  ])('finds %s', (_, over, expected) => {
    const found = tally(topic, { ...sound, ...over });
    expect(found).toMatchObject(expected);
    expect(isSound(found)).toBe(false);
  });

  it('finds rows of aborted transactions', () => {
    const row = { ...rows[0]!, event_id: 'aborted-1', src: 't/0/7' };
    expect(tally(topic, { ...sound, rows: [...rows, row] })).toMatchObject({ aborted: 1 });
  });
});
