import { describe, expect, it } from 'vitest';
import type { BackfillPlan } from '../../src/contracts/index.ts';
import { type BackfillState, lettersToReplay } from '../../src/days/index.ts';
import { DAY, randomDay } from '../helpers/days-fixture.ts';
import { daysWorkshop } from '../helpers/days-workshop.ts';

type Letters = Extract<BackfillPlan['source'], { readonly kind: 'dead-letters' }>['files'];

const file = (key: string, byDay: Readonly<Record<string, number>>): Letters[number] => ({
  key,
  sha256: '0'.repeat(64),
  rows: Object.values(byDay).reduce((a, b) => a + b, 0),
  byDay,
});
const replay = (from: string, to: string, files: Letters, isUndone = false): BackfillState => ({
  plan: {
    schema: 'backfill/v1',
    id: `${from}-x`,
    from,
    to,
    mode: 'merge',
    round: 1,
    source: { kind: 'dead-letters', files },
  },
  days: [],
  begun: [],
  isDone: true,
  isUndone,
});
const [five, six] = [file('5', { '01-05': 2 }), file('6', { '01-06': 3 })];
const both = file('56', { '01-05': 1, '01-06': 1 });

describe('a replay of dead letters', () => {
  const earlier = [replay('01-05', '01-06', [five, both])];
  const wanted = (from: string, to: string, files: Letters, before = earlier) =>
    lettersToReplay({ from, to, files }, before);

  it('again is the same; of other files or after an undo it reads what it is to read', () => {
    expect(wanted('01-05', '01-06', [five, both])).toEqual([five, both]);
    expect(wanted('01-05', '01-05', [five], [replay('01-06', '01-06', [six, both])])).toEqual([
      five,
    ]);
    const undone = [replay('01-05', '01-06', [five, both], true)];
    expect(wanted('01-05', '01-05', [five, both], undone)).toEqual([five, both]);
  });

  it('leaves out what another has read for all of its days', () => {
    expect(wanted('01-05', '01-06', [five, six, both])).toEqual([six]);
    const first = [replay('01-05', '01-05', [both])];
    expect(wanted('01-06', '01-06', [both, six], first)).toEqual([both, six]);
  });

  it.each([
    ['a part of its days', '01-05', '01-07', [five, six]],
    ['everything it would read', '01-05', '01-05', [five, both]],
  ] as const)('is refused when another has read %s', (_, from, to, files) => {
    expect(() => wanted(from, to, [...files])).toThrow(
      expect.objectContaining({
        code: 'BACKFILL_INVALID',
        message: expect.stringContaining('replayed by backfill 01-05-x already') as string,
        mend: expect.stringContaining('--undo 01-05-x') as string,
      }),
    );
  });
});

describe('two replays planned at once', () => {
  const { freshStore, backfill } = daysWorkshop();

  it('do not both count: the second is refused', async () => {
    const store = await freshStore();
    const arrivals = randomDay(8, { campaigns: 1, outcomes: 10 });
    const letters = (...files: Letters): BackfillPlan['source'] => ({
      kind: 'dead-letters',
      files,
    });
    const [one, more] = [file('a', { [DAY]: 4 }), file('b', { [DAY]: 1 })];
    const { id } = await backfill(store, 'merge', arrivals, { source: letters(one) });
    await expect(
      backfill(store, 'merge', arrivals, { source: letters(one, more) }),
    ).rejects.toThrow(`replayed by backfill ${id} already`);
    await backfill(store, 'merge', arrivals, { source: letters(more) });
  });
});
