import { describe, expect, it } from 'vitest';
import { mean, seededRandom } from '../../src/core/index.ts';
import { createTrainee } from '../../src/trainer/loop/trainee.ts';
import { parametersOf } from '../../src/trainer/step/session.ts';
import { batchAt, counts, initial, passesOf, plan, sgd } from '../helpers/learner.ts';
import { TASKS, tinyModel, tinyTraining } from '../helpers/trainer.ts';

const held = batchAt(1010);

describe('single-task models', () => {
  it('foretell and measure the change of the mean held-out loss, every fiftieth step', async () => {
    const trainee = createTrainee({
      model: tinyModel,
      training: {
        ...tinyTraining,
        method: 'stl',
        optimiser: { ...sgd.optimiser, learningRate: 0.01, decay: 'none' },
      },
      steps: 60,
      io: sgd.io,
      plan,
      tasks: TASKS,
      counts,
      initial: TASKS.map(() => initial),
      random: seededRandom(1),
      trajectories: 20,
    });
    let draws = 0;
    const batches = { train: () => batchAt(10), validation: () => (draws++, held) };
    const { session, passes } = passesOf(sgd);
    /** Mean over the tasks of each model's loss of its own task. */
    const meanLoss = async () => {
      const own: number[] = [];
      for (const [k, state] of (await trainee.models()).entries())
        own.push((await passes.losses(held, parametersOf(state).generator))[k]!);
      return mean(own);
    };
    const before = await meanLoss();
    const first = await trainee.step(batches);
    const change = first.validationChange!;
    expect(change.realised).toBeCloseTo((await meanLoss()) - before, 6);
    expect(change.predicted).toBeLessThan(0);
    // Plain SGD: eq. 7 is the first order of the step.
    expect(change.predicted / change.firstOrder).toBeCloseTo(1, 3);
    expect(change.realised / change.predicted).toBeGreaterThan(0.7);
    expect(change.realised / change.predicted).toBeLessThan(1.3);
    const records = [first];
    for (let i = 1; i <= 50; i++) records.push(await trainee.step(batches));
    await trainee.release();
    await session.release();
    const measured = records.filter(({ validationChange }) => validationChange);
    expect(measured.map(({ step }) => step)).toEqual([0, 50]);
    expect(draws).toBe(2);
  });
});
