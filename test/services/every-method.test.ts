import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunRecord } from '../../src/trainer/run-record.ts';
import { weightingMethods } from '../../src/trainer/weighting/index.ts';
import { closeDays, type Night, openWorkshop, type Workshop } from '../helpers/pipeline.ts';

const STEPS = 10;
const NAMES = [...weightingMethods.keys()];
/** A method of each kind of need takes another way through the step; VAMO_EVERY_METHOD=1 takes them all. */
const TRAINED =
  process.env['VAMO_EVERY_METHOD'] === '1'
    ? NAMES
    : ['stl', 'vamo', ...oneOfEachNeed(weightingMethods).values()];

/** By what the methods look at, the last name of each. */
function oneOfEachNeed(methods: typeof weightingMethods): Map<string, string> {
  return new Map(
    [...methods].map(([name, method]) => [[...method.create(3, {}).needs].sort().join(), name]),
  );
}

let workshop: Workshop;
let sealed: Night;
let listed: readonly string[];
beforeAll(async () => {
  workshop = await openWorkshop();
  sealed = await workshop.night({ training: { steps: STEPS, evaluateEvery: STEPS } });
  await closeDays(sealed);
  const { methods } = await sealed.ok<{ methods: { name: string }[] }>('methods');
  listed = methods.map(({ name }) => name);
}, 240_000);
afterAll(() => workshop.clean());

/** Trains by a method from the command line; the run's record. */
async function recordOf(night: Night, method: string): Promise<RunRecord> {
  const { runKey, outcome } = await night.ok<{
    runKey: string;
    outcome: { method: string; steps: number };
  }>('train', '--method', method);
  expect(outcome).toMatchObject({ method, steps: STEPS });
  const path = join(night.data, 'runs', runKey, 'run.json');
  return JSON.parse(await readFile(path, 'utf8')) as RunRecord;
}

function expectSound({ history, evaluations, replay }: RunRecord): void {
  expect(history).toHaveLength(STEPS);
  for (const { losses, weights, entropy } of history) {
    expect([losses.length, weights.length]).toEqual([3, 3]);
    // JSON has null where a number is not finite.
    expect([...losses, ...weights, entropy].every(Number.isFinite)).toBe(true);
  }
  expect(history[0]?.validationChange?.predicted).toBeTypeOf('number');
  const last = evaluations.at(-1)!;
  expect([...last.losses.test, last.inverse.test].every(Number.isFinite)).toBe(true);
  expect(Object.keys(replay?.policies ?? {})).toContain('candidate');
}

describe('vamo train --method', { timeout: 240_000 }, () => {
  it('knows the methods that vamo methods lists', () => {
    expect(listed).toEqual(NAMES);
    expect(listed).toContain('vamo');
  });

  it.each(TRAINED)('%s', async (method) => {
    expectSound(await recordOf(sealed, method));
  });

  it('vamo, with a periodicity module', async () => {
    const temporal = await sealed.with({ model: { temporal: 'timesnet' } });
    expectSound(await recordOf(temporal, 'vamo'));
  });
});
