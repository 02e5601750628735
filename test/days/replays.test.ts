import { describe, expect, it } from 'vitest';
import type { BackfillPlan } from '../../src/contracts/index.ts';
import {
  type BackfillState,
  dayReports,
  lettersToReplay,
  replayersOf,
  undoBackfill,
} from '../../src/days/index.ts';
import { addDays, DAY_MS } from '../../src/core/index.ts';
import { commitArrivals, DAY, START } from '../helpers/days-fixture.ts';
import { at, HOUR, outcome } from '../helpers/few-events.ts';
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
  plannedAtMs: 0,
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

  it('of other files or after an undo reads what it is to read', () => {
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

  it('is refused when another has read a part of its days', () => {
    expect(() => wanted('01-05', '01-07', [five, six])).toThrow(
      expect.objectContaining({
        code: 'BACKFILL_INVALID',
        message: expect.stringContaining('replayed by backfill 01-05-x already') as string,
        mend: expect.stringContaining('--undo 01-05-x') as string,
      }),
    );
  });

  it('has nothing to do when others have read all of it, in one go or piece by piece', () => {
    const pieces = [replay('01-05', '01-05', [five, both]), replay('01-06', '01-06', [six, both])];
    const by = (from: string, to: string, files: Letters, before = pieces) =>
      replayersOf({ from, to, files }, before);
    expect(by('01-05', '01-06', [five, six, both])).toEqual(['01-05-x', '01-06-x']);
    expect(by('01-05', '01-05', [five, both])).toEqual(['01-05-x']);
    expect(by('01-05', '01-06', [five, both], earlier)).toEqual(['01-05-x']);
    expect(by('01-05', '01-07', [five, six, file('7', { '01-07': 1 })])).toEqual([]);
    const begun = pieces.map((one) => ({ ...one, isDone: false }));
    expect(by('01-05', '01-06', [five, six, both], begun)).toEqual([]);
  });
});

describe('dead letters that were replayed', () => {
  const { freshStore, backfill } = daysWorkshop();
  const NEXT = addDays(DAY, 1);
  const letters = (...files: Letters): BackfillPlan['source'] => ({ kind: 'dead-letters', files });
  const arrived = [file('a', { [DAY]: 4, [NEXT]: 1 })] as const;
  const countsOf = async (store: Awaited<ReturnType<typeof freshStore>>) =>
    (await dayReports(store)).map((d) => [d.dead_lettered, d.replayed, d.accepted, d.records]);

  it('are bad no longer on the day they arrived, and rows of the day they happened', async () => {
    const store = await freshStore();
    const far = at(outcome('far', START + 9 * DAY_MS));
    await commitArrivals(store, 0, [far], { dead: { [DAY]: 4, [NEXT]: 1 } });
    const before = await countsOf(store);
    expect(before.slice(0, 2)).toEqual([
      [4, 0, null, 4],
      [1, 0, null, 1],
    ]);
    const rows = [1, 2, 3].map((i) => at(outcome(`o${i}`, START + DAY_MS + i * HOUR)));
    const { id } = await backfill(store, 'merge', rows, {
      source: letters(...arrived),
      to: NEXT,
      dead: { [DAY]: 1, [NEXT]: 1 },
    });
    expect((await countsOf(store)).slice(0, 2)).toEqual([
      [1, 3, null, 4],
      [1, 0, 3, 4],
    ]);
    await undoBackfill(store, id);
    expect(await countsOf(store)).toEqual(before);
  });

  it('count once, although two replays of them were planned at once', async () => {
    const store = await freshStore();
    const rows = [1, 2, 3, 4].map((i) => at(outcome(`o${i}`, START + i * HOUR)));
    const far = at(outcome('far', START + 9 * DAY_MS));
    await commitArrivals(store, 0, [far], { dead: { [DAY]: 5 } });
    const more = file('b', { [DAY]: 1 });
    await backfill(store, 'merge', rows, { source: letters(...arrived) });
    const second = { source: letters(...arrived, more), dead: { [DAY]: 2 } };
    const { id } = await backfill(store, 'merge', rows, second);
    const both = { dead_lettered: 0, replayed: 5, accepted: 4, duplicate: 4 };
    expect((await dayReports(store))[0]).toMatchObject(both);
    await undoBackfill(store, id);
    const one = { dead_lettered: 1, replayed: 4, accepted: 4, duplicate: 0 };
    expect((await dayReports(store))[0]).toMatchObject(one);
  });
});
