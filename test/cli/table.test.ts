import { describe, expect, it } from 'vitest';
import { formatTable } from '../../src/cli/table.ts';

describe('a table', () => {
  it('has numbers to the right and words to the left', () => {
    const rows = [
      ['ab', 5],
      ['c', 120],
    ];
    expect(formatTable(['name', 'n'], rows).split('\n')).toEqual([
      'name    n',
      'ab      5',
      'c     120',
    ]);
  });

  it('may have more rows than a call has arguments', () => {
    const rows = Array.from({ length: 300_000 }, (_, i) => [i]);
    const lines = formatTable(['n'], rows).split('\n');
    expect([lines.length, lines[1], lines.at(-1)]).toEqual([300_001, '     0', '299999']);
  });
});
