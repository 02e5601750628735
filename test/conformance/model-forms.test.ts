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

interface Missed {
  readonly path: string;
  readonly value: number;
  /** Of its list, root mean square. */
  readonly size: number;
}

/** Moves every number of the lists in turn by 1 %, and gives those whose change is not noticed. */
function missed(
  lists: readonly [string, number[]][],
  failed: (list: [string, number[]]) => boolean,
): Missed[] {
  const found: Missed[] = [];
  for (const list of lists) {
    const [path, values] = list;
    const size = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
    values.forEach((value, i) => {
      // A hundredth more of nothing is nothing.
      if (value === 0) return;
      values[i] = value * 1.01;
      if (!failed(list)) found.push({ path, value, size });
      values[i] = value;
    });
  }
  return found;
}

const { cases } = read('golden-timesnet.json') as { cases: TimesnetCase[] };

describe('the runner of the temporal cases notices any number wrong by 1 %', () => {
  it.each(cases.map((c) => [c.name, c] as const))('in %s', async (_, c) => {
    const computed = await computeTimesnet(c);
    expect(checkTimesnet(c, computed)).toBeUndefined();
    const lists = timesnetNumbers(c);
    const failed = (list: [string, number[]]) => checkTimesnet(c, computed, [list]) !== undefined;
    expect(missed(lists, failed)).toEqual([]);
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

describe('the runner of the whole model notices any number wrong by 1 %', () => {
  it('in outputs, losses and gradients, but for what rounding left of zeros', async () => {
    const { case: c } = read('golden-model.json') as { case: ModelCase };
    const computed = await computeModel(c);
    expect(checkModel(c, computed)).toBeUndefined();
    const lists = modelNumbers(c);
    expect(lists.flatMap(([, list]) => list.filter((x) => x !== 0)).length).toBe(7899);
    const misses = missed(lists, (list) => checkModel(c, computed, [list]) !== undefined);
    // Softmax takes no notice of what all keys have in common, so a key's bias has no gradient.
    for (const { path, value, size } of misses) {
      expect(path).toMatch(/layers\.\d\.qkv\.bias$/);
      expect(Math.abs(value) / size).toBeLessThan(1e-15);
    }
    expect(misses.length).toBeLessThanOrEqual(c.config.K * c.config.L * c.config.h);
  }, 60_000);
});
