import { describe, expect, it } from 'vitest';
import {
  DIGEST_PATTERN,
  emptyStepColumns,
  leastWinningCost,
  STEP_COLUMNS,
  STEP_ROWS,
  stepSumsAt,
  VERSION_PATTERN,
} from '../../src/contracts/index.ts';

describe('step sums', () => {
  it('have 97 rows of zeros to begin with, each column its own array', () => {
    const columns = emptyStepColumns();
    expect(Object.keys(columns)).toEqual([...STEP_COLUMNS]);
    expect(new Set(Object.values(columns)).size).toBe(STEP_COLUMNS.length);
    for (const column of Object.values(columns))
      expect(column).toEqual(new Float64Array(STEP_ROWS));
    expect(STEP_ROWS).toBe(97);
  });

  it('of one step are the row at that step', () => {
    const columns = emptyStepColumns();
    columns.cost[96] = 7;
    expect(stepSumsAt(columns, 96)).toMatchObject({ cost: 7, wins: 0 });
    expect(stepSumsAt(columns, 95).cost).toBe(0);
  });

  it('the least winning cost is the third bid, or the reserve', () => {
    expect(leastWinningCost(5, 10)).toBe(10);
    expect(leastWinningCost(15, 10)).toBe(15);
  });
});

describe('names in manifests', () => {
  it.each(['2026-01-14-r1-0123456789ab', '2026-01-14-r9999-aaaaaaaaaaaa'])(
    '%s is a version',
    (v) => {
      expect(v).toMatch(VERSION_PATTERN);
    },
  );

  it.each([
    ...[
      '../2026-01-14-r1-0123456789ab',
      '2026-01-14-r1-0123456789ab\n',
      '2026-01-14-r1-0123456789AB',
    ],
    ...['2026-01-14-r10000-0123456789ab', '2026-01-14-0123456789ab', ''],
  ])('%j is not a version', (v) => {
    expect(v).not.toMatch(VERSION_PATTERN);
  });

  it('a digest is 64 lower-case hex digits', () => {
    expect('a'.repeat(64)).toMatch(DIGEST_PATTERN);
    for (const bad of ['a'.repeat(63), 'A'.repeat(64), `${'a'.repeat(64)}/`])
      expect(bad).not.toMatch(DIGEST_PATTERN);
  });
});
