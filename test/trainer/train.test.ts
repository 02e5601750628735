import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mean } from '../../src/core/index.ts';
import { openDirectoryStore, type ObjectStore } from '../../src/store/index.ts';
import { train } from '../../src/trainer/index.ts';
import { tinyDataset, tinyTraining, trainOptions } from '../helpers/trainer.ts';

let directory: string;
let store: ObjectStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'vamo-train-'));
  store = await openDirectoryStore(directory);
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('training', () => {
  it.each(['vamo', 'vanilla', 'stl'])('by %s lowers the loss of every task', async (method) => {
    const { record, models } = await train(
      trainOptions(store, { training: { ...tinyTraining, method }, steps: 60 }),
    );
    const first = record.evaluations[0];
    const last = record.evaluations.at(-1);
    for (const split of ['train', 'validation', 'test'] as const)
      last?.losses[split].forEach((loss, k) =>
        expect(loss).toBeLessThan((first?.losses[split][k] ?? 0) - 0.2),
      );
    expect(last?.inverse.test).toBeLessThan(first?.inverse.test ?? 0);
    expect(record.history.map(({ step }) => step)).toEqual(Array.from({ length: 60 }, (_, i) => i));
    expect(models.length).toBe(method === 'stl' ? 3 : 1);
  });

  it('with vamo moves the weights and predicts the direction of the validation change', async () => {
    const { record } = await train(trainOptions(store, { steps: 60 }));
    const spread = record.history.map(({ weights }) => Math.max(...weights) - Math.min(...weights));
    expect(Math.max(...spread)).toBeGreaterThan(0.05);
    for (const { weights } of record.history)
      expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
    const changes = record.history.flatMap(({ validationChange }) => validationChange ?? []);
    // Every 12th step: the next multiple of valEvery after 10.
    expect(changes.length).toBe(5);
    const agreeing = changes.filter((c) => Math.sign(c.predicted) === Math.sign(c.realised));
    expect(agreeing.length).toBeGreaterThanOrEqual(4);
  });

  it('counts epochs by the rows that were drawn, as dwa weighs by the last two', async () => {
    const training = { ...tinyTraining, method: 'dwa' };
    const { record } = await train(trainOptions(store, { steps: 12, training }));
    // 6 of 20 trajectories a step: steps 0..3 are epoch 0, 4..6 epoch 1, 7..9 epoch 2.
    const meanOver = (from: number, to: number, k: number): number =>
      mean(record.history.slice(from, to).map(({ losses }) => losses[k]!));
    const weightsAfter = (earlier: [number, number], recent: [number, number]): number[] => {
      const powers = [0, 1, 2].map((k) =>
        Math.exp(meanOver(...recent, k) / meanOver(...earlier, k) / 2),
      );
      return powers.map((x) => (3 * x) / (powers[0]! + powers[1]! + powers[2]!));
    };
    record.history.forEach(({ weights }, step) => {
      const wanted =
        step < 7
          ? [1, 1, 1]
          : step < 10
            ? weightsAfter([0, 4], [4, 7])
            : weightsAfter([4, 7], [7, 10]);
      weights.forEach((w, k) => expect(w, `step ${step}`).toBeCloseTo(wanted[k]!, 9));
    });
    expect(record.history[7]?.weights[0]).not.toBeCloseTo(1, 3);
  });

  it('lets both rates fall linearly to 0 over the run', async () => {
    const after = async (steps: number, decay: 'none' | 'linear', name: string) => {
      const optimiser = { ...tinyTraining.optimiser, kind: 'sgd', warmupSteps: 0, decay } as const;
      const training = { ...tinyTraining, method: 'vanilla', optimiser };
      const at = await openDirectoryStore(join(directory, name));
      return (await train(trainOptions(at, { steps, training }))).models[0]!;
    };
    const one = await after(1, 'none', 'one');
    const full = await after(2, 'none', 'full');
    const half = await after(2, 'linear', 'half');
    for (const group of ['generator', 'inverse'] as const) {
      const moved = (to: typeof one) => to[group].map((x, i) => x - one[group][i]!);
      const [wanted, found] = [moved(full), moved(half)];
      const size = Math.hypot(...wanted);
      expect(size).toBeGreaterThan(0);
      expect(Math.hypot(...found.map((x, i) => x - wanted[i]! / 2)) / size).toBeLessThan(1e-3);
    }
  });

  it('gives the same bits with one seed and others with another', async () => {
    const other = await openDirectoryStore(join(directory, 'other'));
    const third = await openDirectoryStore(join(directory, 'third'));
    const a = await train(trainOptions(store));
    const b = await train(trainOptions(other));
    const c = await train(trainOptions(third, { seed: 4 }));
    expect(b).toEqual(a);
    expect(c.models).not.toEqual(a.models);
  });

  it('gives the same bits on one thread and on two', async () => {
    const other = await openDirectoryStore(join(directory, 'other'));
    const one = await train(trainOptions(store));
    const training = { ...tinyTraining, threads: 2 };
    const two = await train(trainOptions(other, { training }));
    expect(two.models).toEqual(one.models);
    expect(two.record.history).toEqual(one.record.history);
  });

  it('starts from a parent’s parameters', async () => {
    const { models } = await train(trainOptions(store));
    const next = await openDirectoryStore(join(directory, 'next'));
    const parent = { version: '2026-01-10-r1-0123456789ab', models };
    const tuned = await train(trainOptions(next, { parent, steps: 1 }));
    expect(tuned.initial).toEqual(models);
    expect(tuned.models).not.toEqual(models);
    expect(tuned.record.parent).toBe(parent.version);
  });

  it('names the task and the days when a task is empty', async () => {
    const dataset = tinyDataset();
    const { validation } = dataset.splits;
    const trajectories = validation.trajectories.filter(({ task }) => task !== 2);
    const splits = { ...dataset.splits, validation: { ...validation, trajectories } };
    await expect(
      train(trainOptions(store, { dataset: { ...dataset, splits } })),
    ).rejects.toMatchObject({
      code: 'TRAIN_EMPTY_TASK',
      message: expect.stringMatching(/"cart".*2026-01-09/) as string,
    });
  });

  it('names step and task of a loss that is not finite and keeps the last good checkpoint', async () => {
    await train(trainOptions(store, { steps: 10 }));
    const good = await readdir(join(directory, 'checkpoints'));
    const dataset = tinyDataset();
    for (const ref of dataset.splits.train.trajectories)
      if (ref.task === 1) ref.read().states[40] = Number.NaN;
    const run = train(trainOptions(store, { dataset, steps: 20 }));
    await expect(run).rejects.toMatchObject({
      code: 'TRAIN_NOT_FINITE',
      message: expect.stringMatching(/step 10: .*"direct"/) as string,
    });
    expect(await readdir(join(directory, 'checkpoints'))).toEqual(good);
  });
});
