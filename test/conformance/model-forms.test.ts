import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkModel, computeModel, expectedOf as modelNumbers, type ModelCase } from './model.ts';
import {
  checkTimesnet,
  computeTimesnet,
  expectedOf as timesnetNumbers,
  runTimesnetCase,
  type TimesnetCase,
} from './timesnet.ts';

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../golden/${name}`, import.meta.url), 'utf8'));

/**
 * Moves every number of the lists in turn by 1 %, and gives those whose change `failed` misses, each
 * as its share of its list's root mean square.
 */
function missed(
  lists: readonly [string, number[]][],
  failed: () => boolean,
): { readonly total: number; readonly shares: readonly number[] } {
  const shares: number[] = [];
  let total = 0;
  for (const [, list] of lists) {
    const size = Math.sqrt(list.reduce((sum, x) => sum + x * x, 0) / list.length);
    list.forEach((value, i) => {
      if (value === 0) return;
      total++;
      list[i] = value * 1.01;
      if (!failed()) shares.push(Math.abs(value) / size);
      list[i] = value;
    });
  }
  return { total, shares };
}

const { cases } = read('golden-timesnet.json') as { cases: TimesnetCase[] };

describe('the runner of the temporal cases notices a wrong expected number', () => {
  it.each(cases.map((c) => [c.name, c] as const))('in %s', async (_, c) => {
    const computed = await computeTimesnet(c);
    expect(checkTimesnet(c, computed)).toBeUndefined();
    // Lists of the case itself where it keeps them flat; nested ones are compared as copies.
    const lists = timesnetNumbers(c);
    const { total, shares } = missed(lists, () => checkTimesnet(c, computed, lists) !== undefined);
    expect(total).toBeGreaterThan(0);
    // What escapes drowns in float32 rounding beside the rest of its tensor.
    expect(Math.max(0, ...shares)).toBeLessThan(1e-3);
    expect(shares.length / total).toBeLessThan(0.02);
  });

  it('and fails what it does not know', async () => {
    const [block] = cases.filter((c) => c.kind === 'timesblock');
    const { x: _, ...without } = block!.inputs;
    const wrong = [
      { ...block!, selection: 'nonesuch' },
      { ...block!, inputs: without },
    ];
    for (const c of wrong) expect((await runTimesnetCase(c)).status).toBe('failed');
  });
});

describe('the runner of the whole model notices a wrong expected number', () => {
  it('in outputs, losses and gradients', async () => {
    const { case: c } = read('golden-model.json') as { case: ModelCase };
    const computed = await computeModel(c);
    expect(checkModel(c, computed)).toBeUndefined();
    const lists = modelNumbers(c);
    const misses = lists.map((list) =>
      missed([list], () => checkModel(c, computed, [list]) !== undefined),
    );
    const shares = misses.flatMap((m) => m.shares);
    expect(misses.reduce((n, { total }) => n + total, 0)).toBeGreaterThan(7000);
    expect(Math.max(0, ...shares)).toBeLessThan(1e-3);
    expect(shares.length / 7000).toBeLessThan(0.02);
  }, 20_000);
});
